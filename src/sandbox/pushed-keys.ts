/** How long EC2 Instance Connect lets a key in. */
const LIFE_MS = 60_000;

/** Public keys that EC2 Instance Connect keeps for instances, for a login name and a minute each. */
export class PushedKeys {
  readonly #now: () => number;
  #keys: { instanceId: string; user: string; publicKey: string; endMs: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  push(instanceId: string, user: string, publicKey: string): void {
    const endMs = this.#now() + LIFE_MS;
    this.#keys = [...this.#living(), { instanceId, user, publicKey, endMs }];
  }

  /** Those that may log in now. */
  keysFor(instanceId: string, user: string): string[] {
    const own = this.#living().filter((key) => key.instanceId === instanceId && key.user === user);
    return own.map(({ publicKey }) => publicKey);
  }

  #living() {
    return this.#keys.filter(({ endMs }) => endMs > this.#now());
  }
}
