import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readLeaf } from './identity.ts';
import { keyName, openKey, openSigner } from './open-key.ts';
import type { KeyWorld } from './open-key.ts';
import { isPkcs11Uri } from './pkcs11/pkcs11-uri.ts';
import type { IdentityPlan } from './session-plan.ts';
import { keySigner } from './signer.ts';
import type { Digest, Signer } from './signer.ts';

const TEXT = 'AWS Roles Anywhere Credential Helper Signing Test';
const VERSION = '1';
const PREFIX = 'IAM RA';

export const DIGESTS = ['SHA256', 'SHA384', 'SHA512'] as const satisfies readonly Digest[];

/**
 * A key alone, where it is in a file; tokens need the certificate, too.
 *
 * @throws DevaccessError those of `openKey`, `readLeaf` and `openSigner`
 */
export async function openTestSigner(plan: IdentityPlan, world: KeyWorld): Promise<Signer> {
  if (!isPkcs11Uri(keyName(plan))) return keySigner(await openKey(plan, world));
  const [certificate] = await readLeaf(plan);
  return openSigner(plan, certificate, world);
}

/**
 * Signs the message that `aws_signing_helper sign-string` signs, which is of the key alone: to see
 * that a key works, and the same in both programs.
 */
export function signTestMessage(signer: Signer, digest: Digest): Promise<Buffer> {
  return signer.sign(digest, testMessage(signer.publicKey));
}

/** Its text, a version, and the SHA-256 of a prefix with the public key's bytes. */
export function testMessage(publicKey: KeyObject): Buffer {
  const hash = createHash('sha256').update(PREFIX).update(publicKeyBytes(publicKey)).digest();
  return Buffer.concat([Buffer.from(TEXT + VERSION), hash]);
}

/** PKCS#1 of an RSA key; of an EC key its point, uncompressed. */
function publicKeyBytes(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'rsa') return key.export({ format: 'der', type: 'pkcs1' });
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}
