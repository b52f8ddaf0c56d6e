import { randomBytes } from 'node:crypto';

/** Programs that use one keep it; whoever asks for thousands pushes out none but the forgotten. */
const MAX_TOKENS = 256;
const TOKEN_BYTES = 42;

/** Session tokens of a metadata endpoint: as many as fit, the longest unused one goes first. */
export class MetadataTokens {
  readonly #now: () => number;
  /** When each ends; the longest unused one comes first. */
  readonly #ends = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  issue(ttlSeconds: number): string {
    const [oldest] = this.#ends.keys();
    if (oldest !== undefined && this.#ends.size >= MAX_TOKENS) this.#ends.delete(oldest);
    const token = randomBytes(TOKEN_BYTES).toString('base64');
    this.#ends.set(token, this.#now() + ttlSeconds * 1000);
    return token;
  }

  /** Seconds that a token lasts yet; undefined for one that is unknown or has ended. */
  use(token: string): number | undefined {
    const endMs = this.#ends.get(token);
    if (endMs === undefined) return undefined;
    this.#ends.delete(token);
    const leftMs = endMs - this.#now();
    if (leftMs <= 0) return undefined;
    this.#ends.set(token, endMs);
    return Math.ceil(leftMs / 1000);
  }
}
