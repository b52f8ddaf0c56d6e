import { createHash, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  contextTag,
  DER_TAG,
  DerError,
  derParts,
  readDer,
  readOid,
  readTime,
} from '../platform/der.ts';
import type { DerElement } from '../platform/der.ts';
import { DevaccessError } from '../platform/errors.ts';

const KEY_USAGE = '2.5.29.15';
const BASIC_CONSTRAINTS = '2.5.29.19';
/** Bits of the key usage (RFC 5280 §4.2.1.3) that decide here. */
const DIGITAL_SIGNATURE = 0x80;
const CERTIFICATE_SIGNING = 0x04;

/** What the parts of a certificate say (RFC 5280 §4.1). */
interface Fields {
  version: number;
  serialNumber: bigint;
  /** Object identifier of what it was signed with. */
  signatureAlgorithm: string;
  notBeforeMs: number;
  notAfterMs: number;
  /** Of an authority, by its basic constraints. */
  isAuthority: boolean;
  /** First byte of the key usage; undefined where the certificate says none. */
  keyUsage: number | undefined;
}

/** An X.509 certificate: what Node tells of one, and what it does not. */
export class Certificate {
  readonly der: Buffer;
  readonly #fields: Fields;
  readonly #source: string;
  #x509: X509Certificate | undefined;

  /**
   * @param source for messages, such as `Certificate 2 of FILE`
   * @throws DerError for what is no certificate
   */
  constructor(der: Buffer, source = 'The certificate') {
    this.der = der;
    this.#source = source;
    this.#fields = readFields(der);
  }

  get version(): number {
    return this.#fields.version;
  }

  get serialNumber(): bigint {
    return this.#fields.serialNumber;
  }

  get notBeforeMs(): number {
    return this.#fields.notBeforeMs;
  }

  get notAfterMs(): number {
    return this.#fields.notAfterMs;
  }

  get isAuthority(): boolean {
    return this.#fields.isAuthority;
  }

  /** Whether its key may sign messages; undefined where it says nothing. */
  get allowsDigitalSignature(): boolean | undefined {
    const { keyUsage } = this.#fields;
    return keyUsage === undefined ? undefined : (keyUsage & DIGITAL_SIGNATURE) !== 0;
  }

  /** Whether its key may sign certificates; undefined where it says nothing. */
  get allowsCertificateSigning(): boolean | undefined {
    const { keyUsage } = this.#fields;
    return keyUsage === undefined ? undefined : (keyUsage & CERTIFICATE_SIGNING) !== 0;
  }

  /** Such as `sha256WithRSAEncryption`; the object identifier of what has no name here. */
  get signatureAlgorithm(): string {
    const { signatureAlgorithm } = this.#fields;
    return SIGNATURE_NAMES.get(signatureAlgorithm) ?? signatureAlgorithm;
  }

  /** Signed with a hash that nobody accepts any more. */
  get isWeaklySigned(): boolean {
    return /^(?:md5|sha1)|-with-SHA1$/i.test(this.signatureAlgorithm);
  }

  /** SHA-256 of the whole, in hex. */
  get fingerprint(): string {
    return createHash('sha256').update(this.der).digest('hex');
  }

  /**
   * Parsed when it is first needed: OpenSSL takes its time, and is stricter.
   *
   * @throws DevaccessError DA_CERTIFICATE_INVALID
   */
  get x509(): X509Certificate {
    return (this.#x509 ??= this.#readable(() => new X509Certificate(this.der)));
  }

  /** @throws DevaccessError DA_CERTIFICATE_INVALID */
  get publicKey(): KeyObject {
    return this.#readable(() => this.x509.publicKey);
  }

  #readable<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof DevaccessError) throw error;
      throw new DevaccessError('DA_CERTIFICATE_INVALID', `${this.#source} is damaged`, {
        next: 'get the file anew',
        cause: error,
      });
    }
  }

  /** In one line. */
  get subject(): string {
    return oneLine(this.x509.subject);
  }

  get issuer(): string {
    return oneLine(this.x509.issuer);
  }

  get isSelfIssued(): boolean {
    return this.x509.checkIssued(this.x509);
  }

  equals(other: Certificate): boolean {
    return this.der.equals(other.der);
  }

  /** Whether `issuer` signed this one. */
  isIssuedBy(issuer: Certificate): boolean {
    return this.x509.checkIssued(issuer.x509) && this.x509.verify(issuer.publicKey);
  }
}

/** Node writes an attribute a line. */
function oneLine(name: string): string {
  return name.split('\n').join(', ');
}

function readFields(der: Buffer): Fields {
  const [tbs] = derParts(readDer(der), DER_TAG.sequence);
  const parts = derParts(tbs, DER_TAG.sequence);
  const hasVersion = parts[0]?.tag === contextTag(0);
  const version = hasVersion ? readVersion(parts[0]) : 1;
  const [serial, algorithm, , validity] = parts.slice(hasVersion ? 1 : 0);
  const [notBefore, notAfter] = derParts(validity, DER_TAG.sequence);
  const extensions = readExtensions(parts.find(({ tag }) => tag === contextTag(3)));
  return {
    version,
    serialNumber: readSerial(serial),
    signatureAlgorithm: readOid(derParts(algorithm, DER_TAG.sequence)[0]),
    notBeforeMs: readTime(notBefore),
    notAfterMs: readTime(notAfter),
    isAuthority: readAuthority(extensions.get(BASIC_CONSTRAINTS)),
    keyUsage: readKeyUsage(extensions.get(KEY_USAGE)),
  };
}

/** Counted from 0 in the certificate. */
function readVersion(element: DerElement | undefined): number {
  const [number] = derParts(element, contextTag(0));
  return (number?.contents[0] ?? 0) + 1;
}

function readSerial(element: DerElement | undefined): bigint {
  if (element?.tag !== DER_TAG.integer || element.contents.length === 0) {
    throw new DerError('no serial number');
  }
  return BigInt(`0x${element.contents.toString('hex')}`);
}

/** Object identifier → value. */
function readExtensions(element: DerElement | undefined): Map<string, Buffer> {
  if (element === undefined) return new Map();
  const [list] = derParts(element, contextTag(3));
  return new Map(
    derParts(list, DER_TAG.sequence).map((extension) => {
      const parts = derParts(extension, DER_TAG.sequence);
      // A flag of being critical may stand between the two.
      return [readOid(parts[0]), parts.at(-1)?.contents ?? Buffer.alloc(0)] as const;
    }),
  );
}

function readAuthority(value: Buffer | undefined): boolean {
  if (value === undefined) return false;
  const [first] = derParts(readDer(value), DER_TAG.sequence);
  return first?.tag === DER_TAG.boolean && first.contents[0] !== 0;
}

function readKeyUsage(value: Buffer | undefined): number | undefined {
  if (value === undefined) return undefined;
  const bits = readDer(value);
  if (bits.tag !== DER_TAG.bitString) throw new DerError('no key usage');
  // The first byte counts the bits left over at the end.
  return bits.contents[1] ?? 0;
}

const SIGNATURE_NAMES: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.4', 'md5WithRSAEncryption'],
  ['1.2.840.113549.1.1.5', 'sha1WithRSAEncryption'],
  ['1.2.840.113549.1.1.10', 'rsassaPss'],
  ['1.2.840.113549.1.1.11', 'sha256WithRSAEncryption'],
  ['1.2.840.113549.1.1.12', 'sha384WithRSAEncryption'],
  ['1.2.840.113549.1.1.13', 'sha512WithRSAEncryption'],
  ['1.2.840.10045.4.1', 'ecdsa-with-SHA1'],
  ['1.2.840.10045.4.3.2', 'ecdsa-with-SHA256'],
  ['1.2.840.10045.4.3.3', 'ecdsa-with-SHA384'],
  ['1.2.840.10045.4.3.4', 'ecdsa-with-SHA512'],
  ['1.3.101.112', 'Ed25519'],
]);
