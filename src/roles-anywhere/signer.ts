import { createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** What is signed is always hashed first. */
export type Digest = 'SHA256' | 'SHA384' | 'SHA512';

/** What signs for a certificate, wherever its private key is. */
export interface Signer {
  /** RSA or EC. */
  readonly publicKey: KeyObject;
  /** RSA: PKCS#1 v1.5; EC: ASN.1. */
  sign: (digest: Digest, data: Buffer) => Promise<Buffer>;
}

/** Signs with a key that is in this process. */
export function keySigner(privateKey: KeyObject): Signer {
  return {
    publicKey: createPublicKey(privateKey),
    // Both are what Node does unless told otherwise.
    sign: (digest, data) => Promise.resolve(sign(digest, data, privateKey)),
  };
}
