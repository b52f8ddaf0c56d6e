import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** What a payload is bound to: for another node, name or end it cannot be opened. */
export interface PayloadBinding {
  instanceId: string;
  name: string;
}

export interface OpenedPayload {
  /** Answer of a credential_process, as text. */
  text: string;
  /** Milliseconds since the epoch; whole seconds. */
  expirationMs: number;
}

// Payload: version (1 byte, = 1) ‖ end (8, seconds) ‖ ephemeral X25519 key (32) ‖ nonce (12) ‖ sealed ‖ tag (16)
const VERSION = 1;
const KEY_AT = 9;
const KEY_BYTES = 32;
const NONCE_AT = KEY_AT + KEY_BYTES;
const NONCE_BYTES = 12;
const SEALED_AT = NONCE_AT + NONCE_BYTES;
const TAG_BYTES = 16;
/** Of an X25519 SubjectPublicKeyInfo; the 32 bytes of the key follow (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/** Of 32 bytes, base64url. Undefined for another text. */
export function readPublicKey(text: string): KeyObject | undefined {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64url') !== text) return undefined;
  return createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, bytes]),
    format: 'der',
    type: 'spki',
  });
}

/** The 32 bytes of a public key, base64url. */
export function publicKeyText(key: KeyObject): string {
  return rawKey(key).toString('base64url');
}

/**
 * Seals credentials for one node: an ephemeral X25519 key, HKDF-SHA256, AES-256-GCM (6.3 of the facts
 * on nodes).
 *
 * @returns base64url
 */
export function sealPayload(
  text: string,
  expirationMs: number,
  binding: PayloadBinding,
  nodeKey: KeyObject,
): string {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const header = Buffer.alloc(KEY_AT);
  header.writeUInt8(VERSION, 0);
  header.writeBigUInt64BE(BigInt(Math.floor(expirationMs / 1000)), 1);
  const ephemeral = rawKey(publicKey);
  const nonce = randomBytes(NONCE_BYTES);
  const data = bound(header, binding);
  const key = sharedKey(privateKey, nodeKey, ephemeral, rawKey(nodeKey), data);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(data);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  const parts = [header, ephemeral, nonce, sealed, cipher.getAuthTag()];
  return Buffer.concat(parts).toString('base64url');
}

/** Opens a payload; undefined when it is not exactly what was sealed for this node and name. */
export function openPayload(
  payload: string,
  binding: PayloadBinding,
  keys: { privateKey: KeyObject; publicKey: KeyObject },
): OpenedPayload | undefined {
  const bytes = Buffer.from(payload, 'base64url');
  if (bytes.length < SEALED_AT + TAG_BYTES || bytes[0] !== VERSION) return undefined;
  const header = bytes.subarray(0, KEY_AT);
  const ephemeral = bytes.subarray(KEY_AT, NONCE_AT);
  const data = bound(header, binding);
  try {
    const other = readPublicKey(ephemeral.toString('base64url'));
    if (other === undefined) return undefined;
    const key = sharedKey(keys.privateKey, other, ephemeral, rawKey(keys.publicKey), data);
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(NONCE_AT, SEALED_AT))
      .setAAD(data)
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    const sealed = bytes.subarray(SEALED_AT, -TAG_BYTES);
    const text = Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8');
    return { text, expirationMs: Number(header.readBigUInt64BE(1)) * 1000 };
  } catch {
    // A key of small order, or a tag that is another.
    return undefined;
  }
}

function bound(header: Buffer, { instanceId, name }: PayloadBinding): Buffer {
  return Buffer.concat([header, Buffer.from(`devaccess credentials\n${instanceId}\n${name}\n`)]);
}

/** Both public keys go into it: what is shared is shared by these two alone (RFC 7748, 6.1). */
function sharedKey(
  privateKey: KeyObject,
  publicKey: KeyObject,
  ephemeral: Buffer,
  node: Buffer,
  info: Buffer,
): Buffer {
  const secret = diffieHellman({ privateKey, publicKey });
  return Buffer.from(hkdfSync('sha256', secret, Buffer.concat([ephemeral, node]), info, 32));
}

function rawKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
}
