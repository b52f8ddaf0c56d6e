/** The agent protocol of SSH (draft-ietf-sshm-ssh-agent): the little of it that a client needs to log in. */

export const AGENT = {
  failure: 5,
  requestIdentities: 11,
  identitiesAnswer: 12,
  signRequest: 13,
  signResponse: 14,
} as const;

/** What OpenSSH's own agent takes. */
const MAX_MESSAGE_BYTES = 256 * 1024;

export interface AgentMessage {
  type: number;
  body: Buffer;
}

/** Cuts a stream into messages. */
export class AgentMessageReader {
  #pending: Buffer = Buffer.alloc(0);

  /**
   * @returns the messages that are complete now
   * @throws RangeError for an empty message, or one of more than 256 KiB
   */
  receive(bytes: Buffer): AgentMessage[] {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const messages: AgentMessage[] = [];
    while (this.#pending.length >= 4) {
      const length = this.#pending.readUInt32BE(0);
      if (length === 0 || length > MAX_MESSAGE_BYTES) throw new RangeError('no agent message');
      if (this.#pending.length < 4 + length) break;
      const body = this.#pending.subarray(5, 4 + length);
      messages.push({ type: this.#pending.readUInt8(4), body });
      this.#pending = this.#pending.subarray(4 + length);
    }
    return messages;
  }
}

export function agentMessage(type: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 1);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 0);
  head.writeUInt8(type, 4);
  return Buffer.concat([head, ...parts]);
}

/** A `string` of RFC 4251 5. */
export function sshString(value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

/** Takes `string`s off the front of a message. */
export class SshStrings {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  /** @throws RangeError where there is none */
  next(): Buffer {
    const length = this.uint32();
    if (length > this.#rest.length) throw new RangeError('a string is cut off');
    const value = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return value;
  }

  /** @throws RangeError where there is none */
  uint32(): number {
    const value = this.#rest.readUInt32BE(0);
    this.#rest = this.#rest.subarray(4);
    return value;
  }
}
