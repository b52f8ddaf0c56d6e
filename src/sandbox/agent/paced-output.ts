import { DEFAULT_PAYLOAD_BYTES, PAYLOAD_TYPE } from '../../session/protocol/message/constants.ts';
import type { SessionChannel } from './session-type.ts';

/** The real agent sleeps so long after each message, which is what caps its speed. */
const PACE_MS = 1;
/**
 * What a late timer may make up for: the real agent gives each session a process of its own, here
 * all share one event loop.
 */
const MAX_LATE_MS = 50;

/** How a stream becomes messages; without it, Output of the bytes as they are. */
export interface OutputForm {
  payloadType: number;
  /** What of the next bytes goes out now; it may keep some of them for the next call. */
  filter: (bytes: Buffer) => Buffer;
}

const PLAIN_OUTPUT: OutputForm = { payloadType: PAYLOAD_TYPE.output, filter: (bytes) => bytes };

/**
 * A byte stream on its way to the client: cut into messages of at most 1024 bytes, as fast as the
 * window lets them, or one a millisecond as the real agent.
 */
export class PacedOutput {
  readonly #channel: SessionChannel;
  readonly #pace: 'real' | 'off';
  readonly #onDrained: () => void;
  readonly #form: OutputForm;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** When the pace lets the next message go. */
  #dueAtMs = -Infinity;

  /** @param onDrained everything queued has been sent: more may be read */
  constructor(
    channel: SessionChannel,
    pace: 'real' | 'off',
    onDrained: () => void,
    form = PLAIN_OUTPUT,
  ) {
    this.#form = form;
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
    const nowMs = performance.now();
    // Only lateness is made up for, never a time in which there was nothing to send.
    this.#send(Math.max(this.#dueAtMs, nowMs), nowMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #send(dueAtMs: number, nowMs: number): void {
    let dueMs = dueAtMs;
    while (dueMs <= nowMs && this.#queuedBytes > 0 && this.#channel.canSend()) {
      const payload = this.#form.filter(this.#take());
      if (payload.length === 0) continue;
      this.#channel.send(this.#form.payloadType, payload);
      if (this.#pace === 'real') dueMs += PACE_MS;
    }
    this.#dueAtMs = dueMs;
    if (dueMs > nowMs && this.#queuedBytes > 0) {
      this.#timer = setTimeout(() => this.#onTimer(), Math.ceil(dueMs - nowMs));
    }
    if (this.#queuedBytes === 0) this.#onDrained();
  }

  #onTimer(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    this.#send(Math.max(this.#dueAtMs, nowMs - MAX_LATE_MS), nowMs);
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
