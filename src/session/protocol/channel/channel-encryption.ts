import { DATA_KEY_BYTES, splitDataKey } from '../encryption/data-key.ts';
import type { PayloadCipher } from '../encryption/data-key.ts';
import { parsePeerObject, textField } from './handshake.ts';

/** What KMS GenerateDataKey returned for this session. */
export interface DataKey {
  /** 64 bytes; wiped when the channel ends. */
  plaintext: Buffer;
  ciphertextBlob: Buffer;
  /** SHA-256 of the ciphertext blob. */
  ciphertextHash: Buffer;
}

/** Keys of a KMS-encrypted session and the challenge that proves both ends hold them (§5). */
export class ChannelEncryption {
  readonly #dataKey: Buffer;
  readonly #agentToClient: PayloadCipher;
  readonly #clientToAgent: PayloadCipher;
  readonly #randomNonce: () => Buffer;

  /** @throws RangeError when the plaintext key has not 64 bytes */
  constructor(dataKey: DataKey, randomNonce: () => Buffer) {
    if (dataKey.plaintext.length !== DATA_KEY_BYTES) throw new RangeError('data key of wrong size');
    this.#dataKey = dataKey.plaintext;
    ({ agentToClient: this.#agentToClient, clientToAgent: this.#clientToAgent } = splitDataKey(
      dataKey.plaintext,
    ));
    this.#randomNonce = randomNonce;
  }

  encrypt(plaintext: Buffer): Buffer {
    return this.#clientToAgent.encrypt(plaintext, this.#randomNonce());
  }

  decrypt(sealed: Buffer): Buffer | undefined {
    return this.#agentToClient.decrypt(sealed);
  }

  /** The EncChallengeResponse to an EncChallengeRequest; undefined when the keys do not match. */
  answerChallenge(payload: Buffer): Buffer | undefined {
    const request = parsePeerObject(payload);
    if (request === undefined) return undefined;
    const challenge = this.decrypt(Buffer.from(textField(request, 'Challenge'), 'base64'));
    if (challenge === undefined) return undefined;
    return Buffer.from(JSON.stringify({ Challenge: this.encrypt(challenge).toString('base64') }));
  }

  wipe(): void {
    this.#dataKey.fill(0);
  }
}
