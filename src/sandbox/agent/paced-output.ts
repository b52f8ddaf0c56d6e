import { DEFAULT_PAYLOAD_BYTES, PAYLOAD_TYPE } from '../../session/protocol/message/constants.ts';
import type { SessionChannel } from './session-type.ts';

/** The real agent sleeps so long after each message, which is what caps its speed. */
const PACE_MS = 1;

/**
 * A byte stream on its way to the client: cut into messages of at most 1024 bytes, as fast as the
 * window lets them, or one a millisecond as the real agent.
 */
export class PacedOutput {
  readonly #channel: SessionChannel;
  readonly #pace: 'real' | 'off';
  readonly #onDrained: () => void;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param onDrained everything queued has been sent: more may be read */
  constructor(channel: SessionChannel, pace: 'real' | 'off', onDrained: () => void) {
    this.#channel = channel;
    this.#pace = pace;
    this.#onDrained = onDrained;
  }

  /** Bytes not yet sent. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  push(bytes: Buffer): void {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.pump();
  }

  /** Sends what may be sent now. */
  pump(): void {
    if (this.#timer !== undefined || this.#queuedBytes === 0) return;
    while (this.#queuedBytes > 0 && this.#channel.canSend()) {
      this.#channel.send(PAYLOAD_TYPE.output, this.#take());
      if (this.#pace === 'real') {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.pump();
        }, PACE_MS);
        break;
      }
    }
    if (this.#queuedBytes === 0) this.#onDrained();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #take(): Buffer {
    const parts: Buffer[] = [];
    let length = 0;
    while (length < DEFAULT_PAYLOAD_BYTES) {
      const head = this.#queue[0];
      if (head === undefined) break;
      const part = head.subarray(0, DEFAULT_PAYLOAD_BYTES - length);
      parts.push(part);
      length += part.length;
      if (part.length === head.length) this.#queue.shift();
      else this.#queue[0] = head.subarray(part.length);
    }
    this.#queuedBytes -= length;
    return Buffer.concat(parts);
  }
}
