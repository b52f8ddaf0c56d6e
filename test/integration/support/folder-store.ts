import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../../../src/platform/file-errors.ts';
import type { SecretStore } from '../../../src/platform/secrets/secret-store.ts';

/** A keychain that outlives the program that is killed. */
export class FolderStore implements SecretStore {
  readonly label = 'a folder';
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  prepare = (): Promise<void> => Promise.resolve();

  read(name: string): Promise<string | undefined> {
    try {
      return Promise.resolve(readFileSync(this.#path(name), 'utf8'));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      return Promise.resolve(undefined);
    }
  }

  write(name: string, secret: string): Promise<void> {
    writeFileSync(this.#path(name), secret);
    return Promise.resolve();
  }

  remove(name: string): Promise<void> {
    rmSync(this.#path(name), { force: true });
    return Promise.resolve();
  }

  #path(name: string): string {
    return join(this.#folder, name.replaceAll('/', '_'));
  }
}
