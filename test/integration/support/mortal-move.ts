/**
 * A program that moves a key and is killed on its way: `mortal-move HOME TO STEP`, STEP as in `STEPS`.
 * Its keychain is a folder, as it must outlive the program.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KeyPlace } from '../../../src/credentials/stored-keys/key-places.ts';
import { moveKey } from '../../../src/credentials/stored-keys/move-key.ts';
import { EncryptedFile } from '../../../src/platform/secrets/encrypted-file.ts';
import type { SecretStore } from '../../../src/platform/secrets/secret-store.ts';
import { CHEAP_SCRYPT } from '../../unit/platform/secrets/cheap-scrypt.ts';
import { FolderStore } from './folder-store.ts';

export const STEPS = [
  'before write',
  'after write',
  'before read',
  'after read',
  'before remove',
  'after remove',
] as const;

/** Dies where it is told to. */
class Mortal implements SecretStore {
  readonly label: string;
  readonly #store: SecretStore;
  readonly #end: string;
  /** Reads before the write are of the old place. */
  #hasWritten = false;

  constructor(store: SecretStore, end: string) {
    this.label = store.label;
    this.#store = store;
    this.#end = end;
  }

  prepare(): Promise<void> {
    return this.#store.prepare();
  }

  async read(name: string): Promise<string | undefined> {
    if (!this.#hasWritten) return this.#store.read(name);
    return this.#around('read', () => this.#store.read(name));
  }

  async write(name: string, secret: string): Promise<void> {
    await this.#around('write', () => this.#store.write(name, secret));
    this.#hasWritten = true;
  }

  remove(name: string): Promise<void> {
    return this.#around('remove', () => this.#store.remove(name));
  }

  async #around<T>(step: string, work: () => Promise<T>): Promise<T> {
    if (this.#end === `before ${step}`) process.kill(process.pid, 'SIGKILL');
    const result = await work();
    if (this.#end === `after ${step}`) process.kill(process.pid, 'SIGKILL');
    return result;
  }
}

/** What a run uses, and what a later one finds. */
export function worldOf(home: string, end = 'never') {
  const passphrase = (): Promise<string> => Promise.resolve('correct horse battery');
  const source = { tries: 1, present: passphrase, chosen: passphrase };
  const stores = {
    keychain: new Mortal(new FolderStore(join(home, 'keychain')), end),
    file: new Mortal(
      new EncryptedFile(join(home, '.aws', 'devaccess-keys.json'), source, CHEAP_SCRYPT),
      end,
    ),
  };
  return {
    env: { HOME: home },
    askSecret: passphrase,
    openStore: (kind: 'keychain' | 'file') => stores[kind],
    say: () => undefined,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [home = '', to = '', end = ''] = process.argv.slice(2);
  const request = { profile: 'default', longTermSuffix: undefined, forTools: undefined };
  await moveKey({ ...request, to: to as KeyPlace }, worldOf(home, end));
}
