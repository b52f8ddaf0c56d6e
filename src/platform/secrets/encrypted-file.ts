import { DevaccessError } from '../errors.ts';
import { editFile, readTextFile } from '../safe-file.ts';
import {
  damagedSecret,
  keyFileText,
  newKeyFile,
  openKeyFile,
  parseKeyFile,
  sealSecret,
  unsealSecret,
} from './key-file.ts';
import type { Kdf, KeyFile } from './key-file.ts';
import type { SecretStore } from './secret-store.ts';

/** Where the passphrase of a file comes from. */
export interface PassphraseSource {
  /** @param retry that the one before was wrong */
  present: (retry: boolean) => Promise<string>;
  /** For a file that is made. */
  chosen: () => Promise<string>;
  /** How often a wrong one may be replaced by another. */
  tries: number;
}

interface Opened {
  file: KeyFile;
  key: Buffer;
}

/**
 * Secrets in a file that a passphrase opens (`key-file.ts`), 0600 and replaced atomically. Reads and
 * writes go to the disk each time, so that processes see what others wrote; the passphrase is asked
 * for once.
 */
export class EncryptedFile implements SecretStore {
  readonly label: string;
  readonly #path: string;
  readonly #source: PassphraseSource;
  readonly #cost: Omit<Kdf, 'salt'> | undefined;
  #opened: Promise<Opened> | undefined;

  /** @param cost of scrypt for a new file; the usual without it */
  constructor(path: string, source: PassphraseSource, cost?: Omit<Kdf, 'salt'>) {
    this.label = path;
    this.#path = path;
    this.#source = source;
    this.#cost = cost;
  }

  /**
   * Asks for the passphrase, or for a new one where there is no secret yet.
   *
   * @throws DevaccessError DA_PASSPHRASE_WRONG, DA_KEY_FILE_DAMAGED and those of the source
   */
  async prepare(): Promise<void> {
    await this.#open();
  }

  async read(name: string): Promise<string | undefined> {
    // For what is not there nobody needs a passphrase, least of all a new one.
    if (this.#onDisk()?.keys.has(name) !== true) return undefined;
    const opened = await this.#open();
    const file = this.#sameFile(this.#onDisk(), opened);
    const sealed = file?.keys.get(name);
    if (sealed === undefined) return undefined;
    const secret = unsealSecret(opened.key, opened.file.kdf, name, sealed);
    if (secret === undefined) throw damagedSecret(name, this.#path);
    return secret;
  }

  async write(name: string, secret: string): Promise<void> {
    const opened = await this.#open();
    const { kdf } = opened.file;
    const sealed = sealSecret(opened.key, kdf, name, secret);
    await editFile(this.#path, (text) => {
      const file = this.#sameFile(this.#parsed(text), opened) ?? opened.file;
      return keyFileText({ ...file, keys: new Map([...file.keys, [name, sealed]]) });
    });
  }

  async remove(name: string): Promise<void> {
    await editFile(this.#path, (text) => {
      const file = this.#parsed(text);
      if (file?.keys.has(name) !== true) return text;
      return keyFileText({
        ...file,
        keys: new Map([...file.keys].filter(([key]) => key !== name)),
      });
    });
  }

  /**
   * Seals everything anew under another passphrase.
   *
   * @returns how many secrets there are
   */
  async changePassphrase(passphrase: string): Promise<number> {
    const { file, key } = await this.#open();
    const next = await newKeyFile(passphrase, this.#cost);
    let count = 0;
    await editFile(this.#path, (text) => {
      const present = this.#sameFile(this.#parsed(text), { file, key }) ?? file;
      const keys = [...present.keys].map(([name, sealed]): [string, string] => {
        const secret = unsealSecret(key, file.kdf, name, sealed);
        if (secret === undefined) throw damagedSecret(name, this.#path);
        return [name, sealSecret(next.key, next.file.kdf, name, secret)];
      });
      count = keys.length;
      return keyFileText({ ...next.file, keys: new Map(keys) });
    });
    this.#opened = Promise.resolve(next);
    return count;
  }

  async #open(): Promise<Opened> {
    this.#opened ??= this.#unlocked();
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async #unlocked(): Promise<Opened> {
    const file = this.#onDisk();
    // One that holds nothing needs no passphrase that somebody may have forgotten.
    if (file === undefined || file.keys.size === 0) {
      return newKeyFile(await this.#source.chosen(), this.#cost);
    }
    for (let tries = 1; ; tries += 1) {
      const key = await openKeyFile(file, await this.#source.present(tries > 1));
      if (key !== undefined) return { file, key };
      if (tries < this.#source.tries) continue;
      throw new DevaccessError('DA_PASSPHRASE_WRONG', `This does not open ${this.#path}`, {
        next: 'try again; without the passphrase nobody can read the file (docs/secret-storage.md)',
      });
    }
  }

  #onDisk(): KeyFile | undefined {
    const text = readTextFile(this.#path);
    return text === undefined ? undefined : parseKeyFile(text, this.#path);
  }

  /** In an edit: a missing file is an empty text, and a file is never empty. */
  #parsed(text: string): KeyFile | undefined {
    return text === '' ? this.#onDisk() : parseKeyFile(text, this.#path);
  }

  /** Undefined where there is nothing yet. @throws when its key is another one by now */
  #sameFile(file: KeyFile | undefined, opened: Opened): KeyFile | undefined {
    if (file === undefined) return undefined;
    if (file.kdf.salt.equals(opened.file.kdf.salt)) return file;
    if (file.keys.size === 0 && opened.file.keys.size === 0) return undefined;
    throw new DevaccessError('DA_FILE_BUSY', `The passphrase of ${this.#path} has been changed`, {
      next: 'run the command again',
    });
  }
}

/** Names of the secrets in a file, which are not secret. @throws DevaccessError DA_KEY_FILE_DAMAGED */
export function namesInKeyFile(path: string): string[] {
  const text = readTextFile(path);
  return text === undefined ? [] : [...parseKeyFile(text, path).keys.keys()];
}
