import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { KmsKey } from '../account.ts';

/** Name and value pairs that are bound to a ciphertext. */
export type EncryptionContext = ReadonlyMap<string, string>;

export interface Opened {
  readonly key: KmsKey;
  readonly plaintext: Buffer;
}

// Ciphertext: version (1 byte, = 1) ‖ key id (16 bytes of its UUID) ‖ nonce (12) ‖ sealed ‖ tag (16)
const VERSION = 1;
const HEADER_BYTES = 17;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The master keys of the account and what is done with them; material never leaves here. */
export class KmsVault {
  readonly #keys: readonly { key: KmsKey; material: Buffer }[];

  constructor(keys: readonly KmsKey[]) {
    this.#keys = keys.map((key) => ({ key, material: randomBytes(32) }));
  }

  /** Seals under AES-256-GCM with the encryption context as additional data. */
  encrypt(key: KmsKey, plaintext: Buffer, context: EncryptionContext): Buffer {
    const header = Buffer.concat([Buffer.of(VERSION), keyIdBytes(key)]);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#material(key), nonce);
    cipher.setAAD(Buffer.concat([header, contextDigest(context)]));
    const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return Buffer.concat([header, nonce, sealed, cipher.getAuthTag()]);
  }

  /** Opens a ciphertext; undefined when it or its context is not exactly what was sealed. */
  decrypt(ciphertext: Buffer, context: EncryptionContext): Opened | undefined {
    if (ciphertext.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES) return undefined;
    const header = ciphertext.subarray(0, HEADER_BYTES);
    const found = this.#keys.find(({ key }) => keyIdBytes(key).equals(header.subarray(1)));
    if (header[0] !== VERSION || found === undefined) return undefined;
    const body = ciphertext.subarray(HEADER_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', found.material, body.subarray(0, NONCE_BYTES))
      .setAAD(Buffer.concat([header, contextDigest(context)]))
      .setAuthTag(body.subarray(-TAG_BYTES));
    try {
      const sealed = body.subarray(NONCE_BYTES, -TAG_BYTES);
      const plaintext = Buffer.concat([decipher.update(sealed), decipher.final()]);
      return { key: found.key, plaintext };
    } catch {
      return undefined;
    }
  }

  /** A public fingerprint of the key's material, as `KeyMaterialId`: 64 hex digits. */
  materialId(key: KmsKey): string {
    return createHash('sha256').update('material-id').update(this.#material(key)).digest('hex');
  }

  #material(key: KmsKey): Buffer {
    const found = this.#keys.find((candidate) => candidate.key.keyId === key.keyId);
    if (found === undefined) throw new Error(`no key ${key.keyId} in this vault`);
    return found.material;
  }
}

function keyIdBytes({ keyId }: KmsKey): Buffer {
  return Buffer.from(keyId.replaceAll('-', ''), 'hex');
}

/** The order of a context does not matter. */
function contextDigest(context: EncryptionContext): Buffer {
  const pairs = [...context].sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(pairs)).digest();
}
