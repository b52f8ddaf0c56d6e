import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Stats } from 'node:fs';
import { DevaccessError } from '../platform/errors.ts';
import { errorCode } from '../platform/file-errors.ts';
import { pemBlocks } from '../platform/pem.ts';
import type { PemBlock } from '../platform/pem.ts';
import { readBounded } from '../platform/read-bounded.ts';
import { MAX_FILE_BYTES } from './certificate-file.ts';
import { notSupportedYet, refuseForeignStore } from './key-store.ts';
import { exposedMode } from './secret-line.ts';

/** How the passphrase of an encrypted key is come by. */
export interface PassphraseSource {
  /** What the person has given already; an empty one counts as none. */
  given: string | undefined;
  /** Asks for it. */
  ask: (message: string) => Promise<string>;
}

/** In the order in which aws_signing_helper looks for them; each may be encrypted. */
const KEY_LABELS = ['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'EC PRIVATE KEY', 'RSA PRIVATE KEY'];
const TPM_LABEL = 'TSS2 PRIVATE KEY';

/**
 * Reads a private key: PKCS#8 plain or encrypted, SEC1 (what stands before it is passed over),
 * PKCS#1, and the older encrypted form of the last two.
 *
 * @returns an RSA or EC key
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_TOO_LARGE, DA_KEY_EXPOSED, DA_KEY_INVALID,
 *   DA_KEY_PASSPHRASE, DA_KEY_STORE and those of `ask`
 */
export async function readPrivateKey(
  path: string,
  passphrase: PassphraseSource,
): Promise<KeyObject> {
  refuseForeignStore(path);
  const { text, stats } = readBounded(path, MAX_FILE_BYTES);
  refuseExposed(path, stats);
  const blocks = pemBlocks(text);
  if (blocks.some(({ label }) => label === TPM_LABEL)) throw notSupportedYet('A TPM key file');
  const block = KEY_LABELS.map((label) => blocks.find((each) => each.label === label)).find(
    (found) => found !== undefined,
  );
  if (block === undefined) throw noKey(path, text, blocks);
  const key = isEncrypted(block)
    ? await openEncrypted(path, block, passphrase)
    : opened(path, block);
  const type = key.asymmetricKeyType;
  if (type === 'rsa' || type === 'ec') return key;
  throw new DevaccessError(
    'DA_KEY_INVALID',
    `${path} holds a key of the kind ${type ?? 'unknown'}; IAM Roles Anywhere takes RSA and EC`,
    { next: 'make an RSA or EC key, and have a certificate issued for it' },
  );
}

/** Whether a file holds a private key, of whatever kind. @throws DevaccessError as `readBounded` */
export function holdsPrivateKey(path: string): boolean {
  const { text } = readBounded(path, MAX_FILE_BYTES);
  return pemBlocks(text).some(({ label }) => KEY_LABELS.includes(label));
}

function refuseExposed(path: string, stats: Stats): void {
  const mode = exposedMode(stats);
  if (mode === undefined) return;
  throw new DevaccessError(
    'DA_KEY_EXPOSED',
    `Others can read the private key ${path} (mode ${mode})`,
    {
      next: `chmod 600 '${path}'`,
    },
  );
}

function isEncrypted({ label, text }: PemBlock): boolean {
  return label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type:.*\bENCRYPTED\b/m.test(text);
}

function opened(path: string, block: PemBlock): KeyObject {
  try {
    return createPrivateKey(block.text);
  } catch (error) {
    throw new DevaccessError('DA_KEY_INVALID', `The private key in ${path} is damaged`, {
      next: 'get the file anew; openssl pkey -noout -in FILE tells more',
      cause: error,
    });
  }
}

async function openEncrypted(
  path: string,
  block: PemBlock,
  { given, ask }: PassphraseSource,
): Promise<KeyObject> {
  const isGiven = given !== undefined && given !== '';
  const passphrase = isGiven ? given : await ask(`Passphrase of ${path}:`);
  try {
    return createPrivateKey({ key: block.text, passphrase });
  } catch (error) {
    // Without EVP it is what a wrong passphrase made of the key, one time in 256.
    if (errorCode(error) === 'ERR_OSSL_EVP_UNSUPPORTED') throw unsupportedCipher(path, error);
    throw new DevaccessError('DA_KEY_PASSPHRASE', `The passphrase does not open ${path}`, {
      next: `try it: openssl pkey -noout -in '${path}'`,
      cause: error,
    });
  }
}

/** Such as PBES1 with DES or RC4: no passphrase would open it. */
function unsupportedCipher(path: string, cause: unknown): DevaccessError {
  return new DevaccessError(
    'DA_KEY_INVALID',
    `The private key in ${path} is encrypted in a way that is no longer supported`,
    {
      next: `encrypt it anew: openssl pkcs8 -provider legacy -provider default -in '${path}' -topk8 -v2 aes-256-cbc -out FILE`,
      cause,
    },
  );
}

function noKey(path: string, text: string, blocks: readonly PemBlock[]): DevaccessError {
  // What DER begins with: a key alone, or a PKCS#12 container.
  if (text.startsWith('0')) {
    return new DevaccessError('DA_KEY_INVALID', `${path} is not in PEM`, {
      next: `convert it: openssl pkey -inform DER -in '${path}' -out FILE, or of a PKCS#12 file openssl pkcs12 -in '${path}' -nocerts -noenc -out FILE (umask 077 first)`,
    });
  }
  const labels = [...new Set(blocks.map(({ label }) => label))];
  const found = labels.length === 0 ? 'no PEM block' : `only ${labels.join(', ')}`;
  return new DevaccessError('DA_KEY_INVALID', `${path} holds no private key: ${found}`, {
    next: 'name the PEM file of the key with --private-key',
  });
}
