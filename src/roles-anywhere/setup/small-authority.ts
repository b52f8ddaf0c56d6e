/** A certificate authority that is two files in a folder: `ca.pem` and `ca.key`. */
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { issueCertificate } from '../../platform/issue-certificate.ts';
import type { CertificateOrder } from '../../platform/issue-certificate.ts';
import { pemText } from '../../platform/pem.ts';
import { editFile } from '../../platform/safe-file.ts';
import { Certificate } from '../certificate.ts';
import { readCertificates } from '../certificate-file.ts';
import { checkKey } from '../identity-checks.ts';
import { readPrivateKey } from '../private-key.ts';

export type KeyKind = 'ec' | 'rsa';

/** A certificate and its key, as they lie on disk. */
export interface IssuedFiles {
  certificate: Certificate;
  certificateFile: string;
  keyFile: string;
  outcome: 'created' | 'renewed' | 'unchanged';
}

export interface Authority extends IssuedFiles {
  privateKey: KeyObject;
}

interface AuthorityWorld {
  nowMs: number;
  /** Asks for the passphrase of a key that a person has encrypted. */
  askPassphrase: (message: string) => Promise<string>;
}

const DAY_MS = 86_400_000;
/** So that a clock that is a little late takes what is new. */
const BACKDATED_MS = 5 * 60_000;
const RSA_BITS = 2048;
const SERIAL_BYTES = 16;

/**
 * The authority in a folder, made where there is none. A key without a certificate, which a run that
 * was interrupted leaves, gets one.
 *
 * @param name what it is called
 * @throws DevaccessError DA_CERTIFICATE_UNFIT, DA_CERTIFICATE_EXPIRED for one that cannot issue; those of
 *   `readCertificates`, `readPrivateKey` and `editFile`
 */
export async function openAuthority(
  folder: string,
  { name, kind, days }: { name: string; kind: KeyKind; days: number },
  world: AuthorityWorld,
): Promise<Authority> {
  const certificateFile = join(folder, 'ca.pem');
  const keyFile = join(folder, 'ca.key');
  if (existsSync(certificateFile)) {
    const [certificate] = readCertificates(certificateFile);
    const privateKey = await readPrivateKey(keyFile, {
      given: undefined,
      ask: world.askPassphrase,
    });
    checkAuthority(certificate, privateKey, { certificateFile, keyFile }, world.nowMs);
    return { certificate, certificateFile, keyFile, privateKey, outcome: 'unchanged' };
  }
  const privateKey = await keyIn(keyFile, kind, world);
  const subject = { CN: name };
  const certificate = await write(certificateFile, {
    subject,
    issuer: { name: subject, privateKey },
    publicKey: createPublicKey(privateKey),
    ...validity(world.nowMs, days),
    purpose: 'authority',
    // It vouches for machines, not for other authorities.
    pathLength: 0,
  });
  return { certificate, certificateFile, keyFile, privateKey, outcome: 'created' };
}

/**
 * Issues the certificate of a machine. Renewed, it keeps its key: so one file changes, at once.
 *
 * @throws DevaccessError DA_FILE_EXISTS where there is one and it is not to be renewed; those of
 *   `readPrivateKey` and `editFile`
 */
export async function issueMachine(
  folder: string,
  authority: Authority,
  order: { machine: string; kind: KeyKind; days: number; isRenewed: boolean },
  world: AuthorityWorld,
): Promise<IssuedFiles> {
  const { machine, kind, days, isRenewed } = order;
  const certificateFile = join(folder, `${machine}.pem`);
  const keyFile = join(folder, `${machine}.key`);
  const isThere = existsSync(certificateFile);
  if (isThere && !isRenewed) {
    throw new DevaccessError('DA_FILE_EXISTS', `${certificateFile} is there already`, {
      next: 'give --renew for a new certificate, or another --machine',
      exitCode: EXIT.usage,
    });
  }
  const privateKey = await keyIn(keyFile, kind, world);
  const wanted = validity(world.nowMs, days);
  const certificate = await write(certificateFile, {
    subject: { CN: machine },
    issuer: { name: nameOf(authority), privateKey: authority.privateKey },
    publicKey: createPublicKey(privateKey),
    ...wanted,
    // One that outlives its authority is good for nothing.
    notAfterMs: Math.min(wanted.notAfterMs, authority.certificate.notAfterMs),
    purpose: 'machine',
  });
  return { certificate, certificateFile, keyFile, outcome: isThere ? 'renewed' : 'created' };
}

function checkAuthority(
  certificate: Certificate,
  privateKey: KeyObject,
  files: { certificateFile: string; keyFile: string },
  nowMs: number,
): void {
  const { certificateFile, keyFile } = files;
  checkKey(certificate, privateKey, { certificate: certificateFile, key: keyFile });
  if (!certificate.isAuthority || !/^CN=[^\n]+$/.test(certificate.x509.subject)) {
    throw new DevaccessError(
      'DA_CERTIFICATE_UNFIT',
      `${certificateFile} is not an authority that setup made`,
      { next: 'give another --directory' },
    );
  }
  if (certificate.notAfterMs > nowMs) return;
  throw new DevaccessError(
    'DA_CERTIFICATE_EXPIRED',
    `The authority ${certificateFile} has expired`,
    {
      next: 'make another in another --directory, and let the trust anchor hold that',
    },
  );
}

/** Setup gives its authorities a common name alone. */
function nameOf({ certificate }: Authority): { CN: string } {
  return { CN: certificate.x509.subject.slice('CN='.length) };
}

/** The key of a file; a new one where there is none. */
async function keyIn(file: string, kind: KeyKind, world: AuthorityWorld): Promise<KeyObject> {
  if (!existsSync(file)) {
    const { privateKey } =
      kind === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
    // Of two at once the first one's key stays.
    await editFile(file, (text) => (text === '' ? pem.toString() : text));
  }
  return readPrivateKey(file, { given: undefined, ask: world.askPassphrase });
}

async function write(
  file: string,
  order: Omit<CertificateOrder, 'serialNumber'>,
): Promise<Certificate> {
  const serialNumber = BigInt(`0x01${randomBytes(SERIAL_BYTES).toString('hex')}`);
  const der = issueCertificate({ ...order, serialNumber });
  await editFile(file, () => pemText('CERTIFICATE', der));
  return new Certificate(der);
}

/** To the second, as certificates have it. */
function validity(nowMs: number, days: number): { notBeforeMs: number; notAfterMs: number } {
  const fromMs = Math.floor((nowMs - BACKDATED_MS) / 1000) * 1000;
  return { notBeforeMs: fromMs, notAfterMs: fromMs + days * DAY_MS };
}
