/**
 * Issues X.509 certificates (RFC 5280) for a small authority of one's own: version 3, with the
 * extensions that verifiers ask for and no others.
 */
import { createHash, createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  contextTag,
  DER_TAG,
  der,
  derInteger,
  derOid,
  derTime,
  readDer,
  readDerList,
} from './der.ts';

/** Parts of a distinguished name, the widest first: `{ O: 'Example', CN: 'node-1' }`. */
export type DistinguishedName = Readonly<Partial<Record<keyof typeof NAME_OIDS, string>>>;

export interface CertificateOrder {
  subject: DistinguishedName;
  publicKey: KeyObject;
  issuer: { name: DistinguishedName; privateKey: KeyObject };
  /** At most 159 bits, so that no sign octet makes it longer than RFC 5280 allows. */
  serialNumber: bigint;
  notBeforeMs: number;
  notAfterMs: number;
  /** `authority` may issue certificates; `machine` signs and is a TLS client. */
  purpose: 'authority' | 'machine';
  /** How many authorities may be below an authority. Default: any number. */
  pathLength?: number;
}

const NAME_OIDS = { C: '2.5.4.6', O: '2.5.4.10', OU: '2.5.4.11', CN: '2.5.4.3' } as const;
const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  clientAuthentication: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  sha256WithRsa: '1.2.840.113549.1.1.11',
} as const;

/** @returns DER of the certificate, signed with SHA-256 by an RSA or EC key */
export function issueCertificate(order: CertificateOrder): Buffer {
  const { subject, publicKey, issuer, serialNumber, notBeforeMs, notAfterMs } = order;
  const algorithm = signatureAlgorithm(issuer.privateKey);
  const body = der(
    DER_TAG.sequence,
    der(contextTag(0), derInteger(2n)),
    derInteger(serialNumber),
    algorithm,
    nameOf(issuer.name),
    der(DER_TAG.sequence, derTime(notBeforeMs), derTime(notAfterMs)),
    nameOf(subject),
    publicKey.export({ format: 'der', type: 'spki' }),
    der(contextTag(3), der(DER_TAG.sequence, ...extensions(order))),
  );
  const signature = sign('sha256', body, issuer.privateKey);
  return der(DER_TAG.sequence, body, algorithm, bitString(signature, 0));
}

function signatureAlgorithm({ asymmetricKeyType }: KeyObject): Buffer {
  return asymmetricKeyType === 'rsa'
    ? der(DER_TAG.sequence, derOid(OID.sha256WithRsa), der(DER_TAG.null))
    : der(DER_TAG.sequence, derOid(OID.ecdsaWithSha256));
}

function nameOf(name: DistinguishedName): Buffer {
  const parts = Object.entries(name) as [keyof typeof NAME_OIDS, string][];
  return der(
    DER_TAG.sequence,
    ...parts.map(([type, value]) => {
      // A country is a PrintableString.
      const tag = type === 'C' ? 0x13 : DER_TAG.utf8String;
      const pair = der(DER_TAG.sequence, derOid(NAME_OIDS[type]), der(tag, Buffer.from(value)));
      return der(DER_TAG.set, pair);
    }),
  );
}

function extensions({ purpose, publicKey, issuer, pathLength }: CertificateOrder): Buffer[] {
  const keyId = keyIdentifier(publicKey);
  const issuerKeyId = keyIdentifier(createPublicKey(issuer.privateKey));
  const identifiers = [
    extension(OID.subjectKeyIdentifier, der(DER_TAG.octetString, keyId)),
    extension(
      OID.authorityKeyIdentifier,
      der(DER_TAG.sequence, der(contextTag(0, false), issuerKeyId)),
    ),
  ];
  if (purpose === 'authority') {
    const limit = pathLength === undefined ? [] : [derInteger(BigInt(pathLength))];
    const constraints = der(DER_TAG.sequence, der(DER_TAG.boolean, Buffer.of(0xff)), ...limit);
    return [
      extension(OID.basicConstraints, constraints, true),
      // keyCertSign and cRLSign: bits 5 and 6.
      extension(OID.keyUsage, bitString(Buffer.of(0x06), 1), true),
      ...identifiers,
    ];
  }
  return [
    extension(OID.basicConstraints, der(DER_TAG.sequence), true),
    // digitalSignature: bit 0.
    extension(OID.keyUsage, bitString(Buffer.of(0x80), 7), true),
    extension(OID.extendedKeyUsage, der(DER_TAG.sequence, derOid(OID.clientAuthentication))),
    ...identifiers,
  ];
}

function extension(oid: string, value: Buffer, isCritical = false): Buffer {
  const critical = isCritical ? [der(DER_TAG.boolean, Buffer.of(0xff))] : [];
  return der(DER_TAG.sequence, derOid(oid), ...critical, der(DER_TAG.octetString, value));
}

/** RFC 5280 §4.2.1.2, method 1: SHA-1 of the key's bits. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const spki = readDer(publicKey.export({ format: 'der', type: 'spki' }));
  const bits = readDerList(spki.contents).at(-1)?.contents ?? Buffer.alloc(0);
  return createHash('sha1').update(bits.subarray(1)).digest();
}

function bitString(bytes: Buffer, unusedBits: number): Buffer {
  return der(DER_TAG.bitString, Buffer.of(unusedBits), bytes);
}
