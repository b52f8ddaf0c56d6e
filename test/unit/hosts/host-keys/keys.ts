import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import type { HostKey } from '../../../../src/hosts/host-keys/host-key.ts';

/** Strings behind their lengths. */
export function blobOf(...fields: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    fields.flatMap((field) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(field));
      return [length, Buffer.from(field)];
    }),
  );
}

export function keyOf(type: string, ...values: readonly (string | Buffer)[]): HostKey {
  return { type, base64: blobOf(type, ...values).toString('base64') };
}

/** A key that differs by its number. */
export function ed25519(number: number): HostKey {
  return keyOf('ssh-ed25519', Buffer.alloc(32, number));
}

const CURVES = { nistp256: 'P-256', nistp384: 'P-384', nistp521: 'P-521' } as const;
const ecdsaKeys = new Map<string, HostKey>();

/** A real one, always the same of a curve. */
export function ecdsa(curve: keyof typeof CURVES = 'nistp256'): HostKey {
  const known = ecdsaKeys.get(curve);
  if (known !== undefined) return known;
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: CURVES[curve] });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = [Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  const key = keyOf(`ecdsa-sha2-${curve}`, curve, Buffer.concat(point));
  ecdsaKeys.set(curve, key);
  return key;
}

/** A real one, of so many bits. */
export function rsa(bits: number): HostKey {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const { e = '', n = '' } = publicKey.export({ format: 'jwk' });
  return keyOf('ssh-rsa', mpint(e), mpint(n));
}

function mpint(base64url: string): Buffer {
  const bytes = Buffer.from(base64url, 'base64url');
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
}

/** Text of any characters; the units of fast-check that have all of them take seconds to begin. */
export const anyText = fc
  .array(fc.oneof(fc.nat({ max: 0xff }), fc.nat({ max: 0xffff })), { maxLength: 12 })
  .map((codes) => String.fromCharCode(...codes));
