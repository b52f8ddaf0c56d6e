import { randomBytes } from 'node:crypto';
import { ACTION } from './handshake.ts';
import type { KmsAnswer, RequestedAction } from './handshake.ts';
import { PayloadCipher } from './payload-cipher.ts';

/** How the agent reaches the key of an encrypted session. */
export interface AgentKms {
  keyId: string;
  /** KMS Decrypt under an encryption context; rejects when the key or the context is wrong. */
  decrypt: (ciphertext: Buffer, context: Record<string, string>) => Promise<Buffer>;
  /** Refuses clients that do not bind the data key to the random challenge. Default false. */
  requireChallenge?: boolean;
}

const CONTEXT_CHALLENGE_BYTES = 16;

/** The agent's part in agreeing on a KMS data key (docs/protocol.md §5). */
export class AgentEncryption {
  readonly #kms: AgentKms;
  readonly #contextChallenge = randomBytes(CONTEXT_CHALLENGE_BYTES).toString('base64');

  constructor(kms: AgentKms) {
    this.#kms = kms;
  }

  /** The handshake's KMSEncryption action. */
  action(): RequestedAction {
    return {
      ActionType: ACTION.kmsEncryption,
      ActionParameters: { KMSKeyId: this.#kms.keyId, Challenge: this.#contextChallenge },
    };
  }

  /** The session's cipher from the client's answer; rejects with the reason for the person. */
  async agree(answer: KmsAnswer, sessionId: string, targetId: string): Promise<PayloadCipher> {
    if (this.#kms.requireChallenge === true && !answer.challengeAcknowledged) {
      throw new Error('client does not support required encryption context random challenge');
    }
    const dataKey = await this.#kms.decrypt(answer.ciphertextKey, {
      'aws:ssm:SessionId': sessionId,
      'aws:ssm:TargetId': targetId,
      ...(answer.challengeAcknowledged
        ? { 'aws:ssm:RandomChallenge': this.#contextChallenge }
        : {}),
    });
    const cipher = new PayloadCipher(dataKey);
    dataKey.fill(0);
    return cipher;
  }
}
