import { Flight } from './flight.ts';
import type { OutgoingMessage } from './flight.ts';
import { LossDetector } from './loss-detector.ts';
import { RetransmissionTimeout } from './retransmission-timeout.ts';
import { SendWindow } from './send-window.ts';
import type { Reduction, WindowLimits } from './send-window.ts';

/** More than this in flight could overrun the far end's reorder buffer (the client's holds 10 000). */
const MAX_MESSAGES_IN_FLIGHT = 8192;
/** Acknowledged messages that had been sent twice, remembered to notice needless resends. */
const REMEMBERED_RESENDS = 8192;
/** The official client ends the session after as many resends of one message. */
const MAX_SENDS = 3000;
const COMPACT_AFTER = 1024;

/**
 * The sending half of the data channel: numbers messages, keeps each until it is acknowledged,
 * and sends again what the {@link LossDetector} calls lost.
 */
export class ReliableSender {
  readonly #window: SendWindow;
  readonly #timeout = new RetransmissionTimeout();
  readonly #detector = new LossDetector(this.#timeout);
  readonly #flight = new Flight();
  /** By number: everything unacknowledged that was sent at least once. */
  readonly #unacknowledged = new Map<number, OutgoingMessage>();
  /** Never sent yet. */
  #fresh: OutgoingMessage[] = [];
  #freshHead = 0;
  #freshBytes = 0;
  /** To be sent again, in order of number from the end; those acknowledged meanwhile are skipped. */
  #lost: OutgoingMessage[] = [];
  /** Messages acknowledged after a resend, and what their loss did to the window. */
  readonly #acknowledgedResends = new Map<number, Reduction | undefined>();
  #nextSequenceNumber = 0;
  #listeningSinceMs = -Infinity;
  #resends = 0;
  #needlessResends = 0;

  constructor(window: WindowLimits) {
    this.#window = new SendWindow(window);
  }

  /** Messages that were accepted and are not acknowledged, sent or not. */
  get pendingMessages(): number {
    return this.#unacknowledged.size + this.#fresh.length - this.#freshHead;
  }

  /** Bytes accepted but never sent: what back-pressure looks at. */
  get unsentBytes(): number {
    return this.#freshBytes;
  }

  get nextSequenceNumber(): number {
    return this.#nextSequenceNumber;
  }

  /** For logs: round trip, window and counters. */
  get statistics(): SenderStatistics {
    let oldestUnacknowledged: number | undefined;
    for (const sequenceNumber of this.#unacknowledged.keys()) {
      oldestUnacknowledged = sequenceNumber;
      break;
    }
    return {
      roundTripMs: Math.round(this.#timeout.smoothedMs * 10) / 10,
      timeoutMs: Math.round(this.#timeout.timeoutMs * 10) / 10,
      windowBytes: Math.round(this.#window.bytes),
      inFlightBytes: this.#flight.bytes,
      unsentBytes: this.#freshBytes,
      unacknowledged: this.#unacknowledged.size,
      oldestUnacknowledged,
      nextSequenceNumber: this.#nextSequenceNumber,
      resends: this.#resends,
      needlessResends: this.#needlessResends,
    };
  }

  /** True once a message was resent so often that the far end cannot be there any more. */
  get isExhausted(): boolean {
    for (const message of this.#unacknowledged.values()) return message.sends > MAX_SENDS;
    return false;
  }

  /** Gives the next number to a message; `encode` makes its frame. */
  accept(payloadBytes: number, encode: (sequenceNumber: number) => Buffer): void {
    const sequenceNumber = this.#nextSequenceNumber++;
    const bytes = Math.max(1, payloadBytes);
    this.#freshBytes += bytes;
    this.#fresh.push({
      sequenceNumber,
      frame: encode(sequenceNumber),
      bytes,
      sentAtMs: 0,
      sends: 0,
      state: 'fresh',
      reduction: undefined,
    });
  }

  /**
   * The next frame to put on the wire, lost ones first; undefined when there is none or the
   * window is full.
   */
  nextFrame(nowMs: number): Buffer | undefined {
    return this.#isWindowFull ? undefined : this.#send(this.#nextToSend(), nowMs);
  }

  /** The frame that matters most, whatever the window says: one to find out whether any passes. */
  probeFrame(nowMs: number): Buffer | undefined {
    const oldest = this.#flight.oldest();
    if (oldest !== undefined) this.#toBeSentAgain([oldest]);
    return this.#send(this.#nextToSend(), nowMs);
  }

  /** Whether {@link nextFrame} would return a frame. */
  get hasFrame(): boolean {
    this.#skipAcknowledged();
    if (this.#lost.length === 0 && this.#freshHead >= this.#fresh.length) return false;
    return !this.#isWindowFull;
  }

  /** Takes an acknowledgement. Undefined when no such message is waiting for one. */
  acknowledge(sequenceNumber: number, nowMs: number): { sentAtMs: number } | undefined {
    const message = this.#unacknowledged.get(sequenceNumber);
    if (message === undefined) {
      this.#noticeSecondAnswer(sequenceNumber);
      return undefined;
    }
    this.#unacknowledged.delete(sequenceNumber);
    const { sentAtMs, sends, bytes } = message;
    if (message.state === 'lost') {
      // Not even sent again yet: it had only been late.
      message.state = 'acknowledged';
      this.#detector.delivered(sentAtMs, sends, nowMs);
      this.#wasNotLost(message.reduction);
      return { sentAtMs };
    }
    const isWindowUsed = this.#flight.bytes * 2 >= this.#window.bytes;
    this.#flight.remove(message, 'acknowledged');
    this.#detector.delivered(sentAtMs, sends, nowMs);
    if (sends > 1) {
      this.#rememberResend(message);
    } else if (sentAtMs >= this.#listeningSinceMs) {
      const roundTripMs = Math.max(0, nowMs - sentAtMs);
      this.#timeout.sample(roundTripMs);
      // Grow only a window that is really used (RFC 7661): half of it in flight.
      this.#window.acknowledged(bytes, roundTripMs, isWindowUsed);
    }
    return { sentAtMs };
  }

  /** Finds what is lost by now. Call after a batch of acknowledgements and at {@link deadlineMs}. */
  detectLosses(nowMs: number): void {
    const lost: OutgoingMessage[] = [];
    const untilMs = this.#detector.lostUntilMs(nowMs);
    let oldest = this.#flight.oldest();
    while (oldest !== undefined && oldest.sentAtMs <= untilMs) {
      oldest.reduction = this.#window.lost(oldest.sentAtMs, nowMs);
      this.#flight.remove(oldest, 'lost');
      lost.push(oldest);
      oldest = this.#flight.oldest();
    }
    if (oldest !== undefined) {
      let probes = this.#detector.takeProbes(oldest.sentAtMs, nowMs);
      while (oldest !== undefined && probes > 0) {
        // Whether anything is lost is not known yet: the window stays.
        oldest.reduction = undefined;
        this.#flight.remove(oldest, 'lost');
        lost.push(oldest);
        probes -= 1;
        oldest = this.#flight.oldest();
      }
    }
    if (lost.length > 0) this.#queueLost(lost);
  }

  /** When {@link detectLosses} may find something; undefined with nothing in flight. */
  deadlineMs(): number | undefined {
    const oldest = this.#flight.oldest();
    return oldest === undefined ? undefined : this.#detector.deadlineMs(oldest.sentAtMs);
  }

  /**
   * The caller hears acknowledgements again after it did not for a while. What comes now came in
   * time; and how long it took says nothing about the path.
   */
  listeningAgain(nowMs: number): void {
    this.#listeningSinceMs = nowMs;
    this.#detector.restart(nowMs);
  }

  /** The socket is gone, and with it perhaps everything in flight: send it all again. */
  connectionLost(): void {
    for (const message of this.#unacknowledged.values()) {
      if (message.state === 'in-flight') this.#flight.remove(message, 'lost');
      message.reduction = undefined;
    }
    this.#lost = [];
    this.#queueLost([...this.#unacknowledged.values()]);
    this.#detector.connectionLost();
    this.#window.pathChanged();
  }

  get #isWindowFull(): boolean {
    return (
      this.#flight.bytes >= this.#window.bytes || this.#flight.messages >= MAX_MESSAGES_IN_FLIGHT
    );
  }

  #send(message: OutgoingMessage | undefined, nowMs: number): Buffer | undefined {
    if (message === undefined) return undefined;
    this.#flight.add(message, nowMs);
    if (message.sends > 1) this.#resends += 1;
    return message.frame;
  }

  #nextToSend(): OutgoingMessage | undefined {
    this.#skipAcknowledged();
    const lost = this.#lost.pop();
    if (lost !== undefined) return lost;
    const fresh = this.#fresh[this.#freshHead];
    if (fresh === undefined) return undefined;
    this.#freshHead += 1;
    if (this.#freshHead > COMPACT_AFTER && this.#freshHead * 2 > this.#fresh.length) {
      this.#fresh = this.#fresh.slice(this.#freshHead);
      this.#freshHead = 0;
    }
    this.#freshBytes -= fresh.bytes;
    this.#unacknowledged.set(fresh.sequenceNumber, fresh);
    return fresh;
  }

  #skipAcknowledged(): void {
    while (this.#lost.at(-1)?.state === 'acknowledged') this.#lost.pop();
  }

  #toBeSentAgain(messages: OutgoingMessage[]): void {
    for (const message of messages) this.#flight.remove(message, 'lost');
    this.#queueLost(messages);
  }

  /** The lowest number leaves first, so it goes to the end. */
  #queueLost(messages: OutgoingMessage[]): void {
    this.#lost.push(...messages);
    this.#lost.sort((left, right) => right.sequenceNumber - left.sequenceNumber);
  }

  #rememberResend({ sequenceNumber, reduction }: OutgoingMessage): void {
    if (this.#acknowledgedResends.size >= REMEMBERED_RESENDS) {
      for (const oldest of this.#acknowledgedResends.keys()) {
        this.#acknowledgedResends.delete(oldest);
        break;
      }
    }
    this.#acknowledgedResends.set(sequenceNumber, reduction);
  }

  /** A second acknowledgement of a resent message: both arrived, so the resend was needless. */
  #noticeSecondAnswer(sequenceNumber: number): void {
    if (!this.#acknowledgedResends.has(sequenceNumber)) return;
    this.#needlessResends += 1;
    this.#wasNotLost(this.#acknowledgedResends.get(sequenceNumber));
    this.#acknowledgedResends.delete(sequenceNumber);
  }

  #wasNotLost(reduction: Reduction | undefined): void {
    if (reduction === undefined) return;
    this.#window.notLost(reduction);
    this.#detector.wasWrong();
  }
}

/** Figures of the sending half; nothing secret. */
export interface SenderStatistics {
  roundTripMs: number;
  timeoutMs: number;
  windowBytes: number;
  inFlightBytes: number;
  unsentBytes: number;
  /** Messages sent and not acknowledged, and the lowest number among them. */
  unacknowledged: number;
  oldestUnacknowledged: number | undefined;
  nextSequenceNumber: number;
  resends: number;
  /** Resends of messages that turned out to have arrived the first time. */
  needlessResends: number;
}
