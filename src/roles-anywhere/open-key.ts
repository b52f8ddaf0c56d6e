import type { KeyObject } from 'node:crypto';
import { readBounded } from '../platform/read-bounded.ts';
import { readPrivateKey } from './private-key.ts';
import type { PassphraseSource } from './private-key.ts';
import type { IdentityPlan } from './session-plan.ts';

const MAX_PASSPHRASE_FILE_BYTES = 4096;

/** How a person is warned and asked. */
export interface KeyWorld {
  say: (text: string) => void;
  /** Asks for the passphrase of a key. */
  askPassphrase: (message: string) => Promise<string>;
}

/** The file of the key: without one, that of the certificate holds both. */
export function keyFile({ files }: IdentityPlan): string {
  return files.privateKey ?? files.certificate;
}

/** Opens the key of a plan. @throws DevaccessError those of `readPrivateKey` */
export function openKey(plan: IdentityPlan, world: KeyWorld): Promise<KeyObject> {
  return readPrivateKey(keyFile(plan), passphraseSource(plan, world));
}

/**
 * The file's first line, what was given on the command line, or the person.
 *
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_TOO_LARGE
 */
export function passphraseSource(
  { passphrase: { text, file } }: IdentityPlan,
  { say, askPassphrase }: KeyWorld,
): PassphraseSource {
  if (text !== undefined) {
    say('--pkcs8-password can be read in the list of processes; use --pkcs8-password-file');
  }
  const given = text ?? (file === undefined ? undefined : firstLine(file));
  return { given, ask: askPassphrase };
}

/** As UTF-8, which is what Node makes of a passphrase for OpenSSL. */
function firstLine(file: string): string {
  const bytes = Buffer.from(readBounded(file, MAX_PASSPHRASE_FILE_BYTES).text, 'latin1');
  return bytes.toString('utf8').split(/\r?\n/)[0] ?? '';
}
