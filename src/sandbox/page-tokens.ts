import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Opaque tokens for the next page: encrypted under a key of this process and bound to the
 * query they continue, so that a token is good for nothing else.
 */
export class PageTokens {
  readonly #key = randomBytes(32);

  /** @param binding what the token must be presented with: caller, operation and filters */
  issue(position: number, binding: unknown): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(digest(binding));
    const sealed = Buffer.concat([cipher.update(String(position)), cipher.final()]);
    return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64');
  }

  /** The position to go on at, or undefined for a token that was not issued for this binding. */
  open(token: string, binding: unknown): number | undefined {
    const bytes = Buffer.from(token, 'base64');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES))
      .setAAD(digest(binding))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const sealed = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
      return Number(Buffer.concat([decipher.update(sealed), decipher.final()]).toString());
    } catch {
      return undefined;
    }
  }
}

function digest(binding: unknown): Buffer {
  return createHash('sha256').update(JSON.stringify(binding)).digest();
}
