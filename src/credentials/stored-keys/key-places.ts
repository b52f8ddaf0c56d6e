/** The places where a long-term key can be, and how they are opened. */
import { keyFilePath } from '../../aws/key-file-path.ts';
import type { StoreKind } from '../../aws/key-pointer.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { awsCredentialsFile } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { EncryptedFile } from '../../platform/secrets/encrypted-file.ts';
import type { PassphraseSource } from '../../platform/secrets/encrypted-file.ts';
import { Keychain } from '../../platform/secrets/keychain.ts';
import { givenPassphrase } from '../../platform/secrets/passphrase.ts';
import type { SecretStore } from '../../platform/secrets/secret-store.ts';

/** `plain`: in the credentials file itself. */
export type KeyPlace = 'plain' | StoreKind;

export const KEY_PLACES = ['keychain', 'file', 'plain'] as const satisfies readonly KeyPlace[];

export interface SecretQuestion {
  message: string;
  /** True, or what is wrong with the answer. */
  validate?: (answer: string) => true | string;
  /** What to do where there is no terminal. */
  withoutTerminal: string;
}

/** The outer world of everything about stored keys, given so that a test decides it. */
export interface KeyWorld {
  env: Environment;
  /** Asks for something that is not shown while it is typed. */
  askSecret: (question: SecretQuestion) => Promise<string>;
  /** Stores in place of the real ones. */
  openStore?: (kind: StoreKind) => SecretStore;
}

const MIN_PASSPHRASE_CHARS = 8;
const MAX_TRIES = 3;
const WITHOUT_TERMINAL =
  'run it in a terminal, or set DEVACCESS_PASSPHRASE_FILE (docs/secret-storage.md)';

/** A store, which asks for nothing before it is used. */
export function openStore(kind: StoreKind, world: KeyWorld): SecretStore {
  if (world.openStore !== undefined) return world.openStore(kind);
  return kind === 'keychain' ? new Keychain() : openKeyFile(world);
}

/** A world whose stores are opened once each, so that nobody is asked twice. */
export function withSharedStores<World extends KeyWorld>(world: World): World {
  const opened: Partial<Record<StoreKind, SecretStore>> = {};
  return { ...world, openStore: (kind: StoreKind) => (opened[kind] ??= openStore(kind, world)) };
}

export function openKeyFile(world: KeyWorld): EncryptedFile {
  const path = keyFilePath(world.env);
  return new EncryptedFile(path, passphraseOf(path, world));
}

/** For people: where a key is. */
export function placeLabel(place: KeyPlace, env: Environment): string {
  switch (place) {
    case 'plain':
      return awsCredentialsFile(env);
    case 'keychain':
      return new Keychain().label;
    case 'file':
      return keyFilePath(env);
  }
}

/** From where the person has set, else asked for; a new one twice. */
function passphraseOf(path: string, world: KeyWorld): PassphraseSource {
  const { env, askSecret } = world;
  let isGiven = false;
  const given = async (): Promise<string | undefined> => {
    const passphrase = await givenPassphrase(env);
    isGiven = passphrase !== undefined;
    return passphrase;
  };
  return {
    get tries() {
      // A file or a command gives the same one again.
      return isGiven ? 1 : MAX_TRIES;
    },
    present: async (retry) => {
      const again = retry ? 'This is not it. ' : '';
      const message = `${again}Passphrase of ${path}:`;
      return (await given()) ?? askSecret({ message, withoutTerminal: WITHOUT_TERMINAL });
    },
    chosen: async () => {
      const passphrase = await given();
      if (passphrase === undefined) return newPassphrase(path, world);
      if (isLongEnough(passphrase)) return passphrase;
      throw tooShort();
    },
  };
}

/** Asks for a new passphrase, twice. @throws DevaccessError DA_CANCELLED when the two differ */
export async function newPassphrase(path: string, { askSecret }: KeyWorld): Promise<string> {
  const withoutTerminal = WITHOUT_TERMINAL;
  let hint = '';
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const passphrase = await askSecret({
      message: `${hint}New passphrase for ${path}:`,
      validate: (text) => isLongEnough(text) || `${MIN_PASSPHRASE_CHARS} characters at least`,
      withoutTerminal,
    });
    const again = await askSecret({ message: 'The same again:', withoutTerminal });
    if (again === passphrase) return passphrase;
    hint = 'They differ. ';
  }
  throw new DevaccessError('DA_CANCELLED', 'The two passphrases differ; nothing was changed');
}

function isLongEnough(passphrase: string): boolean {
  return passphrase.length >= MIN_PASSPHRASE_CHARS;
}

function tooShort(): DevaccessError {
  return new DevaccessError('DA_USAGE', 'The passphrase is too short', {
    next: `take ${MIN_PASSPHRASE_CHARS} characters at least; four random words are good`,
    exitCode: EXIT.usage,
  });
}
