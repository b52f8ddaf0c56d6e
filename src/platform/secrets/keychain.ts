/**
 * The keychain of the operating system, through the optional package @napi-rs/keyring: macOS Keychain,
 * Windows Credential Manager, the Secret Service of Linux desktops (GNOME Keyring, KWallet,
 * KeePassXC). It is loaded when a secret is read or written, and only then.
 */
import type { AsyncEntry } from '@napi-rs/keyring';
import { DevaccessError } from '../errors.ts';
import type { SecretStore } from './secret-store.ts';

/** What entries are listed under. */
const SERVICE = 'devaccess';
/** The system may have to ask the person to unlock it. */
const PATIENCE_MS = 120_000;
/** Written and removed again to find out whether the keychain can be used, and have it unlocked. */
const PROBE = 'probe';

const LABELS: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'the macOS Keychain',
  win32: 'Windows Credential Manager',
};

export class Keychain implements SecretStore {
  readonly label = LABELS[process.platform] ?? 'the keyring of the desktop';

  /** @throws DevaccessError DA_KEYCHAIN_UNAVAILABLE, DA_KEYCHAIN_REFUSED */
  async prepare(): Promise<void> {
    await this.write(PROBE, 'x');
    await this.remove(PROBE);
  }

  async read(name: string): Promise<string | undefined> {
    return (await this.#use(name, (entry) => entry.getPassword())) ?? undefined;
  }

  async write(name: string, secret: string): Promise<void> {
    await this.#use(name, (entry) => entry.setPassword(secret));
  }

  async remove(name: string): Promise<void> {
    await this.#use(name, (entry) => entry.deleteCredential());
  }

  /** Not on this thread, so that Ctrl-C works while the system waits for the person. */
  async #use<T>(name: string, work: (entry: AsyncEntry) => Promise<T>): Promise<T> {
    const entry = await this.#entry(name);
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.#refused('it did not answer')), PATIENCE_MS);
    });
    try {
      return await Promise.race([work(entry), tooLong]);
    } catch (error) {
      throw error instanceof DevaccessError ? error : this.#refused(reasonOf(error), error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #entry(name: string): Promise<AsyncEntry> {
    let Entry: typeof AsyncEntry;
    try {
      ({ AsyncEntry: Entry } = await import('@napi-rs/keyring'));
    } catch (error) {
      throw this.#unavailable('the package @napi-rs/keyring is not installed', error);
    }
    try {
      // Without this it would silently use the kernel's keyring, which forgets all at the next boot.
      return new Entry(SERVICE, name, { linux: { store: 'secret-service' } });
    } catch (error) {
      throw this.#unavailable(
        process.platform === 'linux'
          ? 'no Secret Service (GNOME Keyring, KWallet, KeePassXC) answers on the session bus'
          : reasonOf(error),
        error,
      );
    }
  }

  #unavailable(why: string, cause: unknown): DevaccessError {
    return new DevaccessError('DA_KEYCHAIN_UNAVAILABLE', `No keychain can be used: ${why}`, {
      next: 'run it in a desktop session, or keep the key in an encrypted file: --store file, --to file',
      cause,
    });
  }

  #refused(why: string, cause?: unknown): DevaccessError {
    return new DevaccessError('DA_KEYCHAIN_REFUSED', `The keychain refuses: ${why}`, {
      next: 'unlock it and allow devaccess to use it, then try again',
      cause,
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
