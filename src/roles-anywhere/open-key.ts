import type { KeyObject } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { checkKey } from './identity-checks.ts';
import { isPkcs11Uri } from './pkcs11/pkcs11-uri.ts';
import { readPrivateKey } from './private-key.ts';
import type { PassphraseSource } from './private-key.ts';
import { readSecretLine } from './secret-line.ts';
import type { IdentityPlan } from './session-plan.ts';
import { keySigner } from './signer.ts';
import type { Signer } from './signer.ts';

/** How a person is warned and asked. */
export interface KeyWorld {
  say: (text: string) => void;
  /** Asks for the passphrase of a key, or the PIN of a token. */
  askPassphrase: (message: string) => Promise<string>;
}

/** Name of the key: without one, where the certificate is there is the key, too. */
export function keyName({ files }: IdentityPlan): string {
  return files.privateKey ?? files.certificate;
}

/**
 * What signs for the certificate of a plan: the key of a file, read and compared now, or that of a
 * token, which is looked for and compared when it signs.
 *
 * @throws DevaccessError those of `readPrivateKey` and `checkKey`
 */
export async function openSigner(
  plan: IdentityPlan,
  certificate: Certificate,
  world: KeyWorld,
): Promise<Signer> {
  const name = keyName(plan);
  if (isPkcs11Uri(name)) {
    const { tokenSigner } = await import('./pkcs11/token-key.ts');
    return tokenSigner(name, certificate, plan.token, world);
  }
  const privateKey = await openKey(plan, world);
  checkKey(certificate, privateKey, { certificate: plan.files.certificate, key: name });
  return keySigner(privateKey);
}

/** Opens the key file of a plan. @throws DevaccessError those of `readPrivateKey` */
export function openKey(plan: IdentityPlan, world: KeyWorld): Promise<KeyObject> {
  return readPrivateKey(keyName(plan), passphraseSource(plan, world));
}

/** The file's first line, what was given on the command line, or the person. */
function passphraseSource(
  { passphrase: { text, file } }: IdentityPlan,
  { say, askPassphrase }: KeyWorld,
): PassphraseSource {
  if (text !== undefined) {
    say('--pkcs8-password can be read in the list of processes; use --pkcs8-password-file');
  }
  const given = text ?? (file === undefined ? undefined : readSecretLine(file, 'passphrase'));
  return { given, ask: askPassphrase };
}
