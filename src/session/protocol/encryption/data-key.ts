import { createCipheriv, createDecipheriv } from 'node:crypto';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Length of the KMS data key that both ends share, in bytes (docs/protocol.md §5). */
export const DATA_KEY_BYTES = 2 * KEY_BYTES;

/**
 * One direction of an encrypted session: AES-256-GCM without additional data; on the wire
 * nonce (12) ‖ ciphertext ‖ tag (16).
 */
export class PayloadCipher {
  readonly #key: Buffer;

  /** @param key 32 bytes; kept by reference, so that {@link wipe} erases the caller's copy too */
  constructor(key: Buffer) {
    if (key.length !== KEY_BYTES) throw new RangeError('a payload key has 32 bytes');
    this.#key = key;
  }

  /** @param nonce 12 bytes, never used before with this key */
  encrypt(plaintext: Buffer, nonce: Buffer): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  /** The plaintext, or undefined when the bytes were not made with this key. */
  decrypt(sealed: Buffer): Buffer | undefined {
    if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    try {
      const ciphertext = sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES);
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    } catch {
      return undefined;
    }
  }

  wipe(): void {
    this.#key.fill(0);
  }
}

/**
 * Splits the 64-byte KMS data key: bytes 0–31 protect what the agent sends, 32–63 what the
 * client sends. The ciphers keep views of `dataKey`; wiping both erases it.
 */
export function splitDataKey(dataKey: Buffer): {
  agentToClient: PayloadCipher;
  clientToAgent: PayloadCipher;
} {
  if (dataKey.length !== DATA_KEY_BYTES) throw new RangeError('the data key has 64 bytes');
  return {
    agentToClient: new PayloadCipher(dataKey.subarray(0, KEY_BYTES)),
    clientToAgent: new PayloadCipher(dataKey.subarray(KEY_BYTES)),
  };
}
