import { generateKeyPairSync, sign } from 'node:crypto';
import { sshString } from './agent-messages.ts';

/** A key pair that is nowhere but in this process. */
export interface MemoryKey {
  /** The public key as SSH sends it. */
  readonly blob: Buffer;
  /** `ssh-ed25519 AAAA…`, without a comment. */
  readonly publicLine: string;
  /** A signature as SSH sends it. */
  sign(data: Buffer): Buffer;
}

const TYPE = 'ssh-ed25519';

/** Makes an Ed25519 key (RFC 8709). */
export function newMemoryKey(): MemoryKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const blob = Buffer.concat([sshString(TYPE), sshString(Buffer.from(x, 'base64url'))]);
  return {
    blob,
    publicLine: publicLineOf(blob),
    sign: (data) => Buffer.concat([sshString(TYPE), sshString(sign(null, data, privateKey))]),
  };
}

/** `ssh-ed25519 AAAA…` of a public key as SSH sends it. */
export function publicLineOf(blob: Buffer): string {
  const type = blob.toString('latin1', 4, 4 + blob.readUInt32BE(0));
  return `${type} ${blob.toString('base64')}`;
}
