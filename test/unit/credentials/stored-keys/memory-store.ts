import type { SecretStore } from '../../../../src/platform/secrets/secret-store.ts';

type Step = 'prepare' | 'read' | 'write' | 'remove';

/** A store that fails, or gives back something else, when it is told to. */
export class MemoryStore implements SecretStore {
  readonly label = 'the test store';
  readonly secrets = new Map<string, string>();
  /** What is to go wrong, by step. */
  faults: Partial<Record<Step, () => void>> = {};
  /** What reads give in place of what was written. */
  twist: ((secret: string) => string | undefined) | undefined;

  prepare(): Promise<void> {
    return this.#at('prepare', () => undefined);
  }

  read(name: string): Promise<string | undefined> {
    return this.#at('read', () => {
      const secret = this.secrets.get(name);
      return secret === undefined || this.twist === undefined ? secret : this.twist(secret);
    });
  }

  write(name: string, secret: string): Promise<void> {
    return this.#at('write', () => void this.secrets.set(name, secret));
  }

  remove(name: string): Promise<void> {
    return this.#at('remove', () => void this.secrets.delete(name));
  }

  async #at<T>(step: Step, work: () => T): Promise<T> {
    await Promise.resolve();
    this.faults[step]?.();
    return work();
  }
}
