import { createHash, createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

const TEXT = 'AWS Roles Anywhere Credential Helper Signing Test';
const VERSION = '1';
const PREFIX = 'IAM RA';

export const DIGESTS = ['SHA256', 'SHA384', 'SHA512'] as const;
export type Digest = (typeof DIGESTS)[number];

/**
 * Signs the message that `aws_signing_helper sign-string` signs, which is of the key alone: to see
 * that a key works, and the same in both programs.
 */
export function signTestMessage(privateKey: KeyObject, digest: Digest): Buffer {
  return sign(digest.toLowerCase(), testMessage(privateKey), privateKey);
}

/** Its text, a version, and the SHA-256 of a prefix with the public key's bytes. */
export function testMessage(privateKey: KeyObject): Buffer {
  const hash = createHash('sha256').update(PREFIX).update(publicKeyBytes(privateKey)).digest();
  return Buffer.concat([Buffer.from(TEXT + VERSION), hash]);
}

/** PKCS#1 of an RSA key; of an EC key its point, uncompressed. */
function publicKeyBytes(privateKey: KeyObject): Buffer {
  const key = createPublicKey(privateKey);
  if (key.asymmetricKeyType === 'rsa') return key.export({ format: 'der', type: 'pkcs1' });
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}
