import { HEADER_FLAG, MESSAGE_TYPE } from '../../session/protocol/message/constants.ts';
import { decodeMessage, encodeMessage } from '../../session/protocol/message/message.ts';
import type { ClientMessage } from '../../session/protocol/message/message.ts';
import { RetransmissionTimer } from './retransmission-timer.ts';

/** The agent looks at its oldest unacknowledged message this often. */
const RESEND_CHECK_MS = 100;

const DEFAULT_BUFFER_MESSAGES = 100_000;
const DEFAULT_BUFFER_BYTES = 64 * 1024 * 1024;

export interface AgentSequencerOptions {
  /**
   * Takes one data message, in order. False: cannot be taken yet, so it is dropped without an
   * acknowledgement and the client must send it again.
   */
  deliver: (payloadType: number, payload: Buffer) => boolean;
  /** A new UUID for each message. */
  newMessageId: () => string;
  /** Room for messages that arrive ahead of their turn. */
  maxBufferedMessages?: number;
  maxBufferedBytes?: number;
}

interface Unacknowledged {
  frame: Buffer;
  sentAtMs: number;
}

/**
 * Sequencing of the agent's side (docs/protocol.md §4): numbers, acknowledgements, reordering and
 * resends. Does no IO and knows no clock: frames and times come in, `takeFrames` and
 * `nextCheckAtMs` say what to send and when to call `check`.
 */
export class AgentSequencer {
  readonly #options: AgentSequencerOptions;
  readonly #maxBufferedMessages: number;
  readonly #maxBufferedBytes: number;
  readonly #timer = new RetransmissionTimer();
  readonly #unacknowledged = new Map<number, Unacknowledged>();
  readonly #early = new Map<number, ClientMessage>();
  #earlyBytes = 0;
  #frames: Buffer[] = [];
  #nextOutgoing = 0;
  #nextIncoming = 0;
  #paused = false;
  #nextCheckAtMs: number | undefined;

  constructor(options: AgentSequencerOptions) {
    this.#options = options;
    this.#maxBufferedMessages = options.maxBufferedMessages ?? DEFAULT_BUFFER_MESSAGES;
    this.#maxBufferedBytes = options.maxBufferedBytes ?? DEFAULT_BUFFER_BYTES;
  }

  /** Data messages sent and not acknowledged yet. */
  get unacknowledgedCount(): number {
    return this.#unacknowledged.size;
  }

  /** The client is away or asked to slow down: new data waits for its acknowledgement unsent. */
  get isPaused(): boolean {
    return this.#paused;
  }

  /** When to call `check`; undefined while nothing can need a resend. */
  get nextCheckAtMs(): number | undefined {
    return this.#paused ? undefined : this.#nextCheckAtMs;
  }

  /** The frames to send now, in order; each is handed out once. */
  takeFrames(): Buffer[] {
    const frames = this.#frames;
    this.#frames = [];
    return frames;
  }

  /** Sends one data message. Empty payloads are not sent, as the agent does not. */
  send(payloadType: number, payload: Buffer, nowMs: number): void {
    if (payload.length === 0) return;
    const sequenceNumber = this.#nextOutgoing++;
    const frame = encodeMessage({
      messageType: MESSAGE_TYPE.outputStreamData,
      schemaVersion: 1,
      createdDateMs: nowMs,
      sequenceNumber,
      flags: sequenceNumber === 0 ? HEADER_FLAG.syn : 0,
      messageId: this.#options.newMessageId(),
      payloadType,
      payload,
    });
    // While paused the message only waits: the resend after the pause is its first sending.
    if (!this.#paused) this.#frames.push(frame);
    this.#unacknowledged.set(sequenceNumber, { frame, sentAtMs: nowMs });
    this.#nextCheckAtMs ??= nowMs + RESEND_CHECK_MS;
  }

  /** Takes one frame from the client or the service. Invalid ones are dropped. */
  receive(frame: Buffer, nowMs: number): void {
    const decoded = decodeMessage(frame);
    if (!decoded.ok) return;
    const { message } = decoded;
    switch (message.messageType) {
      case MESSAGE_TYPE.inputStreamData:
        this.#resumeSending(nowMs);
        this.#receiveData(message, nowMs);
        return;
      case MESSAGE_TYPE.acknowledge:
        this.#resumeSending(nowMs);
        this.#acknowledged(message.payload, nowMs);
        return;
      case MESSAGE_TYPE.pausePublication:
        this.#paused = true;
        return;
      case MESSAGE_TYPE.startPublication:
        this.#resumeSending(nowMs);
        return;
      default:
    }
  }

  /** Sends the oldest unacknowledged message again when it is older than the timeout. */
  check(nowMs: number): void {
    if (this.#nextCheckAtMs === undefined || nowMs < this.#nextCheckAtMs) return;
    const oldest = this.#unacknowledged.values().next().value;
    this.#nextCheckAtMs = oldest === undefined ? undefined : nowMs + RESEND_CHECK_MS;
    if (oldest === undefined || this.#paused) return;
    if (nowMs - oldest.sentAtMs <= this.#timer.timeoutMs) return;
    oldest.sentAtMs = nowMs;
    this.#frames.push(oldest.frame);
  }

  #resumeSending(nowMs: number): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#unacknowledged.size > 0) this.#nextCheckAtMs = nowMs + RESEND_CHECK_MS;
  }

  #receiveData(message: ClientMessage, nowMs: number): void {
    const { sequenceNumber } = message;
    if (sequenceNumber < this.#nextIncoming || this.#early.has(sequenceNumber)) {
      this.#acknowledge(message, nowMs);
      return;
    }
    if (sequenceNumber > this.#nextIncoming) {
      if (this.#keepForLater(message)) this.#acknowledge(message, nowMs);
      return;
    }
    if (!this.#options.deliver(message.payloadType, message.payload)) return;
    this.#acknowledge(message, nowMs);
    this.#nextIncoming += 1;
    this.#drainEarly();
  }

  #keepForLater(message: ClientMessage): boolean {
    if (this.#early.size >= this.#maxBufferedMessages) return false;
    if (this.#earlyBytes + message.payload.length > this.#maxBufferedBytes) return false;
    this.#early.set(message.sequenceNumber, message);
    this.#earlyBytes += message.payload.length;
    return true;
  }

  #drainEarly(): void {
    for (;;) {
      const message = this.#early.get(this.#nextIncoming);
      if (message === undefined) return;
      // Acknowledged already, so it cannot be refused: what cannot be taken now waits here.
      if (!this.#options.deliver(message.payloadType, message.payload)) return;
      this.#early.delete(this.#nextIncoming);
      this.#earlyBytes -= message.payload.length;
      this.#nextIncoming += 1;
    }
  }

  #acknowledged(payload: Buffer, nowMs: number): void {
    const sequenceNumber = acknowledgedNumber(payload);
    if (sequenceNumber === undefined) return;
    const entry = this.#unacknowledged.get(sequenceNumber);
    if (entry === undefined) return;
    this.#unacknowledged.delete(sequenceNumber);
    this.#timer.sample(nowMs - entry.sentAtMs);
  }

  #acknowledge(message: ClientMessage, nowMs: number): void {
    const content = {
      AcknowledgedMessageType: message.messageType,
      AcknowledgedMessageId: message.messageId,
      AcknowledgedMessageSequenceNumber: message.sequenceNumber,
      IsSequentialMessage: true,
    };
    this.#frames.push(
      encodeMessage({
        messageType: MESSAGE_TYPE.acknowledge,
        schemaVersion: 1,
        createdDateMs: nowMs,
        sequenceNumber: 0,
        flags: HEADER_FLAG.syn | HEADER_FLAG.fin,
        messageId: this.#options.newMessageId(),
        payloadType: 0,
        payload: Buffer.from(JSON.stringify(content)),
      }),
    );
  }
}

function acknowledgedNumber(payload: Buffer): number | undefined {
  let content: unknown;
  try {
    content = JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof content !== 'object' || content === null) return undefined;
  const { AcknowledgedMessageSequenceNumber: number } = content as Record<string, unknown>;
  return typeof number === 'number' ? number : undefined;
}
