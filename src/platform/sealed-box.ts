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

/** Of whoever opens: X25519. */
export interface BoxKeys {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

// Box: ephemeral X25519 key (32) ‖ nonce (12) ‖ sealed ‖ tag (16)
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_AT = KEY_BYTES;
const NONCE_BYTES = 12;
const SEALED_AT = NONCE_AT + NONCE_BYTES;
const TAG_BYTES = 16;
/** Of an X25519 SubjectPublicKeyInfo; the 32 bytes of the key follow (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

export function newBoxKeys(): BoxKeys {
  return generateKeyPairSync('x25519');
}

/** Of 32 bytes, base64url. Undefined for another text. */
export function readBoxKey(text: string): KeyObject | undefined {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64url') !== text) return undefined;
  return createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, bytes]),
    format: 'der',
    type: 'spki',
  });
}

/** The 32 bytes of a public key, base64url. */
export function boxKeyText(key: KeyObject): string {
  return rawKey(key).toString('base64url');
}

/**
 * Seals a text for the holder of one key: an ephemeral X25519 key, HKDF-SHA256, AES-256-GCM.
 *
 * @param binding what the text is for; the box opens with the same bytes only
 */
export function sealBox(text: string, to: KeyObject, binding: Buffer): Buffer {
  const { publicKey, privateKey } = newBoxKeys();
  const ephemeral = rawKey(publicKey);
  const nonce = randomBytes(NONCE_BYTES);
  const key = sharedKey(privateKey, to, [ephemeral, rawKey(to)], binding);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(binding);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([ephemeral, nonce, sealed, cipher.getAuthTag()]);
}

/** Opens a box; undefined when it is not exactly what was sealed for this key and binding. */
export function openBox(box: Buffer, keys: BoxKeys, binding: Buffer): string | undefined {
  if (box.length < SEALED_AT + TAG_BYTES) return undefined;
  const ephemeral = box.subarray(0, NONCE_AT);
  try {
    const other = readBoxKey(ephemeral.toString('base64url'));
    if (other === undefined) return undefined;
    const pair = [ephemeral, rawKey(keys.publicKey)];
    const key = sharedKey(keys.privateKey, other, pair, binding);
    const decipher = createDecipheriv(CIPHER, key, box.subarray(NONCE_AT, SEALED_AT))
      .setAAD(binding)
      .setAuthTag(box.subarray(-TAG_BYTES));
    const sealed = box.subarray(SEALED_AT, -TAG_BYTES);
    return Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8');
  } catch {
    // A key of small order, or a tag that is another.
    return undefined;
  }
}

/** Both public keys go into it: what is shared is shared by these two alone (RFC 7748, 6.1). */
function sharedKey(
  privateKey: KeyObject,
  publicKey: KeyObject,
  pair: readonly Buffer[],
  binding: Buffer,
): Buffer {
  const secret = diffieHellman({ privateKey, publicKey });
  return Buffer.from(hkdfSync('sha256', secret, Buffer.concat(pair), binding, 32));
}

function rawKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
}
