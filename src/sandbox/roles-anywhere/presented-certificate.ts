import { X509Certificate } from 'node:crypto';
import { contextTag, DER_TAG, derParts, readDer, readOid, readTime } from '../../platform/der.ts';
import type { DerElement } from '../../platform/der.ts';

const SHA2_SIGNATURES = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
]);

/** What the service reads of a certificate, beside what Node tells. */
export interface PresentedCertificate {
  readonly x509: X509Certificate;
  readonly version: number;
  readonly serial: bigint;
  /** Even number of hex digits, as the default session name. */
  readonly serialHex: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly isAuthority: boolean;
  /** Bits of the key usage from the highest of the first byte on; undefined without one. */
  readonly keyUsage: number | undefined;
  readonly isSignedWithSha2: boolean;
}

export const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04 } as const;

/** @throws for what is no certificate */
export function parseCertificate(der: Buffer): PresentedCertificate {
  const x509 = new X509Certificate(der);
  const [tbs, signatureAlgorithm] = derParts(readDer(der), DER_TAG.sequence);
  const fields = derParts(tbs, DER_TAG.sequence);
  const versionField = fields[0]?.tag === contextTag(0) ? fields.shift() : undefined;
  const [serialField, , , validity] = fields;
  const [from, until] = derParts(validity, DER_TAG.sequence);
  const serialHex = (serialField?.contents.toString('hex') ?? '').replace(/^00(?=.)/, '');
  const extensions = extensionsOf(fields.find(({ tag }) => tag === contextTag(3)));
  return {
    x509,
    version: versionField === undefined ? 1 : (versionField.contents.at(-1) ?? 0) + 1,
    serial: BigInt(`0x${serialHex}`),
    serialHex,
    notBeforeMs: readTime(from),
    notAfterMs: readTime(until),
    isAuthority: x509.ca,
    keyUsage: extensions.get('2.5.29.15')?.contents[1],
    isSignedWithSha2: SHA2_SIGNATURES.has(
      readOid(derParts(signatureAlgorithm, DER_TAG.sequence)[0]),
    ),
  };
}

function extensionsOf(wrapper: DerElement | undefined): Map<string, DerElement> {
  if (wrapper === undefined) return new Map();
  const list = derParts(readDer(wrapper.contents), DER_TAG.sequence);
  return new Map(
    list.map((each) => {
      const parts = derParts(each, DER_TAG.sequence);
      const value = parts[parts.length - 1];
      return [readOid(parts[0]), readDer(value?.contents ?? Buffer.alloc(0))] as const;
    }),
  );
}
