import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const ALGORITHM = 'aes-256-gcm';

/**
 * The agent's half of a KMS-encrypted session (docs/protocol.md §5): AES-256-GCM without additional
 * data, on the wire nonce (12) ‖ ciphertext ‖ tag (16).
 */
export class PayloadCipher {
  readonly #sendKey: Buffer;
  readonly #receiveKey: Buffer;

  /** @param dataKey the 64-byte KMS data key: bytes 0–31 agent → client, 32–63 client → agent */
  constructor(dataKey: Buffer) {
    if (dataKey.length !== 2 * KEY_BYTES) throw new RangeError('data key is not 64 bytes');
    this.#sendKey = Buffer.from(dataKey.subarray(0, KEY_BYTES));
    this.#receiveKey = Buffer.from(dataKey.subarray(KEY_BYTES));
  }

  encrypt(plaintext: Buffer, nonce: Buffer = randomBytes(NONCE_BYTES)): Buffer {
    const cipher = createCipheriv(ALGORITHM, this.#sendKey, nonce);
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]);
  }

  /** The plaintext, or undefined when the client did not encrypt it with this session's key. */
  decrypt(wire: Buffer): Buffer | undefined {
    if (wire.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv(ALGORITHM, this.#receiveKey, wire.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(wire.subarray(wire.length - TAG_BYTES));
    try {
      const plaintext = decipher.update(wire.subarray(NONCE_BYTES, wire.length - TAG_BYTES));
      decipher.final();
      return plaintext;
    } catch {
      return undefined;
    }
  }

  /** Overwrites the keys. */
  erase(): void {
    this.#sendKey.fill(0);
    this.#receiveKey.fill(0);
  }
}
