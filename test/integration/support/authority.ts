import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { issueCertificate } from '../../../src/platform/issue-certificate.ts';
import type { CertificateOrder } from '../../../src/platform/issue-certificate.ts';
import { pemText } from '../../../src/platform/pem.ts';

const DAY_MS = 86_400_000;

/** A certificate and its key, as PEM. */
export interface Issued {
  certificate: string;
  key: string;
  privateKey: KeyObject;
}

export interface IssueOptions extends Partial<
  Pick<CertificateOrder, 'serialNumber' | 'notBeforeMs' | 'notAfterMs' | 'purpose'>
> {
  kind?: 'rsa' | 'P-256' | 'P-384';
}

/** A certificate authority of a test's own. */
export class Authority {
  readonly certificate: string;
  readonly #name: { O: string; CN: string };
  readonly #privateKey: KeyObject;

  private constructor(CN: string, issued?: { certificate: string; privateKey: KeyObject }) {
    this.#name = { O: 'devaccess', CN };
    const made = issued ?? selfSigned(this.#name);
    this.certificate = made.certificate;
    this.#privateKey = made.privateKey;
  }

  static root(name = 'test root'): Authority {
    return new Authority(name);
  }

  /** One that this authority vouches for. */
  intermediate(name: string, options: IssueOptions = {}): Authority {
    return new Authority(name, this.issue(name, { purpose: 'authority', ...options }));
  }

  issue(CN: string, options: IssueOptions = {}): Issued {
    const { kind = 'P-256', ...order } = options;
    const { privateKey, publicKey } =
      kind === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: kind });
    const der = issueCertificate({
      subject: { O: 'devaccess', CN },
      publicKey,
      issuer: { name: this.#name, privateKey: this.#privateKey },
      serialNumber: BigInt(`0x${randomBytes(16).toString('hex')}`),
      notBeforeMs: Date.now() - DAY_MS,
      notAfterMs: Date.now() + 90 * DAY_MS,
      purpose: 'machine',
      ...order,
    });
    return {
      certificate: pemText('CERTIFICATE', der),
      key: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
      privateKey: createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })),
    };
  }
}

function selfSigned(name: { O: string; CN: string }): {
  certificate: string;
  privateKey: KeyObject;
} {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = issueCertificate({
    subject: name,
    publicKey: createPublicKey(privateKey),
    issuer: { name, privateKey },
    serialNumber: BigInt(`0x${randomBytes(16).toString('hex')}`),
    notBeforeMs: Date.now() - DAY_MS,
    notAfterMs: Date.now() + 3650 * DAY_MS,
    purpose: 'authority',
  });
  return { certificate: pemText('CERTIFICATE', der), privateKey };
}
