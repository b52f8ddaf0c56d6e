import { createHash } from 'node:crypto';

/** A public host key, as a line of known_hosts holds it. */
export interface HostKey {
  /** As OpenSSH names it: `ssh-ed25519`. */
  type: string;
  /** The key's own encoding (RFC 4253 §6.6) in canonical base64. */
  base64: string;
}

/** Curve points without compression, by key type: 0x04 and two coordinates. */
const POINT_BYTES: ReadonlyMap<string, number> = new Map([
  ['nistp256', 65],
  ['nistp384', 97],
  ['nistp521', 133],
]);
const ED25519_BYTES = 32;
/** What OpenSSH itself takes (sshkey.h: SSH_RSA_MINIMUM_MODULUS_SIZE, SSHBUF_MAX_BIGNUM). */
const RSA_BITS = { min: 1024, max: 16_384 };
/** An RSA key of the most bits. */
const MAX_BASE64_LENGTH = 2_900;

/**
 * Reads the type and the base64 of a public key, and checks that the key is what it says, with
 * nothing besides: anything else could mean to ssh what it does not mean to us.
 *
 * @returns undefined for what is no well-formed key of a type that OpenSSH takes for a host today
 */
export function parseHostKey(type: string, base64: string): HostKey | undefined {
  if (base64.length > MAX_BASE64_LENGTH || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64') !== base64) return undefined;
  const fields = readFields(blob);
  const [name, ...values] = fields ?? [];
  if (name?.toString('latin1') !== type || !isWellFormed(type, values)) return undefined;
  return { type, base64 };
}

/** Whether a name is one of a key type at all; what OpenSSH dropped, or will have one day, too. */
export function isKeyTypeName(name: string): boolean {
  return /^[a-z0-9][a-z0-9@.-]{2,63}$/.test(name);
}

/** Whether {@link parseHostKey} knows the type. */
export function isKnownType(type: string): boolean {
  return ['ssh-ed25519', 'ssh-rsa'].includes(type) || POINT_BYTES.has(curveOf(type));
}

/** As `ssh` and `ssh-keygen -l` show it: `SHA256:…`. */
export function fingerprint({ base64 }: HostKey): string {
  const digest = createHash('sha256').update(base64, 'base64').digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

/** Keys by type, then by what they are, each once: the same keys are always the same list. */
export function sortedKeys(keys: Iterable<HostKey>): HostKey[] {
  const unique = new Map([...keys].map((key) => [`${key.type} ${key.base64}`, key]));
  return [...unique].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, key]) => key);
}

export function isSameKey(left: HostKey, right: HostKey): boolean {
  return left.type === right.type && left.base64 === right.base64;
}

function isWellFormed(type: string, values: readonly Buffer[]): boolean {
  const [first, second, ...others] = values;
  if (first === undefined || others.length > 0) return false;
  if (type === 'ssh-ed25519') return second === undefined && first.length === ED25519_BYTES;
  if (second === undefined) return false;
  if (type === 'ssh-rsa') return isRsa(first, second);
  const pointBytes = POINT_BYTES.get(curveOf(type));
  const isCurve = first.toString('latin1') === curveOf(type);
  return isCurve && second.length === pointBytes && second[0] === 0x04;
}

function isRsa(exponent: Buffer, modulus: Buffer): boolean {
  if (!isPositive(exponent) || !isPositive(modulus)) return false;
  const bits = BigInt(`0x${modulus.toString('hex')}`).toString(2).length;
  const isOdd = (number: Buffer): boolean => ((number.at(-1) ?? 0) & 1) === 1;
  const isSound = isOdd(exponent) && isOdd(modulus) && exponent.length <= 8;
  return isSound && bits >= RSA_BITS.min && bits <= RSA_BITS.max;
}

/** Of an mpint (RFC 4251 §5): above zero, in as few bytes as there can be. */
function isPositive(number: Buffer): boolean {
  const [first = 0, second = 0] = number;
  if (number.length === 0 || first >= 0x80) return false;
  return first !== 0 || (number.length > 1 && second >= 0x80);
}

/** `ecdsa-sha2-nistp256` → `nistp256`. */
function curveOf(type: string): string {
  return type.startsWith('ecdsa-sha2-') ? type.slice('ecdsa-sha2-'.length) : '';
}

/** Strings behind their lengths (RFC 4251 §5), to the last byte. */
function readFields(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  for (let at = 0; at < blob.length;) {
    if (blob.length - at < 4) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
