import { RetransmissionTimeout, MAX_TIMEOUT_MS } from './retransmission-timeout.ts';
import { SendWindow } from './send-window.ts';
import type { WindowLimits } from './send-window.ts';

/** One data message from the moment it is numbered until it is acknowledged. */
interface Outgoing {
  readonly sequenceNumber: number;
  readonly frame: Buffer;
  /** What it counts in the window; at least 1. */
  readonly bytes: number;
  sentAtMs: number;
  sends: number;
  /** In flight, or waiting to be sent (again). */
  inFlight: boolean;
}

/** One transmission; stale once its message was acknowledged or sent again. */
interface Transmission {
  readonly message: Outgoing;
  readonly send: number;
}

/** More than this in flight could overrun the far end's reorder buffer (the client's holds 10 000). */
const MAX_MESSAGES_IN_FLIGHT = 8192;
/** Acknowledged messages that had been sent twice, remembered to notice needless resends. */
const REMEMBERED_RESENDS = 1024;
const MIN_REORDER_MS = 2;
/** The official client ends the session after as many resends of one message. */
const MAX_SENDS = 3000;

/**
 * The sending half of the data channel: numbers messages, keeps each until it is acknowledged,
 * resends what is lost. There are no cumulative acknowledgements, so each one tells exactly which
 * message arrived; what was sent clearly before an arrived message is lost and is sent again at
 * once (as RACK does, RFC 8985), the rest after the retransmission timeout.
 */
export class ReliableSender {
  readonly #window: SendWindow;
  readonly #timeout = new RetransmissionTimeout();
  /** By number, oldest first: everything unacknowledged that was sent at least once. */
  readonly #unacknowledged = new Map<number, Outgoing>();
  /** Never sent yet. */
  #fresh: Outgoing[] = [];
  #freshHead = 0;
  #freshBytes = 0;
  /** To be sent again, in order of number. */
  #lost: Outgoing[] = [];
  /** In order of time; the front is the oldest transmission that may still be alive. */
  #transmissions: Transmission[] = [];
  #transmissionsHead = 0;
  readonly #acknowledgedResends = new Set<number>();
  #nextSequenceNumber = 0;
  #inFlightBytes = 0;
  #inFlightMessages = 0;
  #latestDeliveredSentAtMs = -Infinity;
  /** Share of the round trip that messages may overtake one another by before one counts as lost. */
  #reorderShare = 0.25;
  #timeoutsInARow = 0;
  #resends = 0;

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

  /** For logs: round trip, window and counters. */
  get statistics(): {
    roundTripMs: number;
    timeoutMs: number;
    windowBytes: number;
    inFlightBytes: number;
    resends: number;
    nextSequenceNumber: number;
  } {
    return {
      roundTripMs: this.#timeout.smoothedMs,
      timeoutMs: this.#timeout.timeoutMs,
      windowBytes: Math.round(this.#window.bytes),
      inFlightBytes: this.#inFlightBytes,
      resends: this.#resends,
      nextSequenceNumber: this.#nextSequenceNumber,
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
      inFlight: false,
    });
  }

  /**
   * The next frame to put on the wire, lost ones first; undefined when there is none or the
   * window is full.
   */
  nextFrame(nowMs: number): Buffer | undefined {
    const message = this.#nextToSend();
    if (message === undefined) return undefined;
    message.sentAtMs = nowMs;
    message.sends += 1;
    message.inFlight = true;
    if (message.sends > 1) this.#resends += 1;
    this.#inFlightBytes += message.bytes;
    this.#inFlightMessages += 1;
    this.#transmissions.push({ message, send: message.sends });
    return message.frame;
  }

  /** Whether {@link nextFrame} would return a frame. */
  get hasFrame(): boolean {
    if (this.#lost.length === 0 && this.#freshHead >= this.#fresh.length) return false;
    return !this.#isWindowFull();
  }

  /** Takes an acknowledgement. False when no such message is waiting for one. */
  acknowledge(sequenceNumber: number, nowMs: number): boolean {
    const message = this.#unacknowledged.get(sequenceNumber);
    if (message === undefined) {
      this.#noticeNeedlessResend(sequenceNumber);
      return false;
    }
    this.#unacknowledged.delete(sequenceNumber);
    this.#timeoutsInARow = 0;
    // Grow only a window that is really used (RFC 7661): half of it in flight.
    const isWindowUsed = this.#inFlightBytes * 2 >= this.#window.bytes;
    if (message.inFlight) this.#leaveFlight(message);
    else this.#lost = this.#lost.filter((other) => other !== message);
    const roundTripMs = Math.max(0, nowMs - message.sentAtMs);
    if (message.sends === 1) {
      this.#timeout.sample(roundTripMs);
      if (isWindowUsed) this.#window.grow(message.bytes);
    } else {
      this.#rememberResend(sequenceNumber);
    }
    // An answer sooner than half a round trip after a resend belongs to the first sending.
    if (message.sends === 1 || roundTripMs >= this.#timeout.smoothedMs / 2) {
      this.#latestDeliveredSentAtMs = Math.max(this.#latestDeliveredSentAtMs, message.sentAtMs);
    }
    this.#declareLost(this.#latestDeliveredSentAtMs - this.#reorderMs(), nowMs, false);
    return true;
  }

  /** Gives up on everything in flight that has waited too long. Call when {@link deadlineMs} is due. */
  expire(nowMs: number): void {
    const deadline = this.deadlineMs();
    if (deadline === undefined || nowMs < deadline) return;
    this.#declareLost(nowMs - this.#effectiveTimeoutMs(), nowMs, true);
    this.#timeoutsInARow += 1;
  }

  /** The socket is gone, and with it perhaps everything in flight: send it all again. */
  connectionLost(): void {
    for (const message of this.#unacknowledged.values()) {
      if (message.inFlight) this.#leaveFlight(message);
    }
    this.#lost = [...this.#unacknowledged.values()];
    this.#transmissions = [];
    this.#transmissionsHead = 0;
    this.#timeoutsInARow = 0;
  }

  /** When the oldest transmission counts as lost; undefined with nothing in flight. */
  deadlineMs(): number | undefined {
    const oldest = this.#oldestTransmission();
    return oldest === undefined ? undefined : oldest.sentAtMs + this.#effectiveTimeoutMs();
  }

  #nextToSend(): Outgoing | undefined {
    if (this.#isWindowFull()) return undefined;
    const lost = this.#lost.shift();
    if (lost !== undefined) return lost;
    const fresh = this.#fresh[this.#freshHead];
    if (fresh === undefined) return undefined;
    this.#freshHead += 1;
    if (this.#freshHead > 1024 && this.#freshHead * 2 > this.#fresh.length) {
      this.#fresh = this.#fresh.slice(this.#freshHead);
      this.#freshHead = 0;
    }
    this.#freshBytes -= fresh.bytes;
    this.#unacknowledged.set(fresh.sequenceNumber, fresh);
    return fresh;
  }

  #isWindowFull(): boolean {
    return (
      this.#inFlightBytes >= this.#window.bytes || this.#inFlightMessages >= MAX_MESSAGES_IN_FLIGHT
    );
  }

  #effectiveTimeoutMs(): number {
    return Math.min(
      this.#timeout.timeoutMs * 2 ** Math.min(this.#timeoutsInARow, 4),
      MAX_TIMEOUT_MS,
    );
  }

  #reorderMs(): number {
    const share = this.#timeout.smoothedMs * this.#reorderShare;
    return Math.max(MIN_REORDER_MS, Math.min(share, this.#timeout.timeoutMs));
  }

  /** Everything in flight that was sent at or before `sentBeforeMs` is taken for lost. */
  #declareLost(sentBeforeMs: number, nowMs: number, byTimeout: boolean): void {
    let found = false;
    for (;;) {
      const oldest = this.#oldestTransmission();
      if (oldest === undefined || oldest.sentAtMs > sentBeforeMs) break;
      this.#transmissionsHead += 1;
      this.#window.lost(oldest.sentAtMs, nowMs, byTimeout);
      this.#leaveFlight(oldest);
      this.#lost.push(oldest);
      found = true;
    }
    if (found) this.#lost.sort((left, right) => left.sequenceNumber - right.sequenceNumber);
  }

  /** Drops stale transmissions from the front and returns the message of the first live one. */
  #oldestTransmission(): Outgoing | undefined {
    for (;;) {
      const front = this.#transmissions[this.#transmissionsHead];
      if (front === undefined) {
        this.#transmissions = [];
        this.#transmissionsHead = 0;
        return undefined;
      }
      if (front.message.inFlight && front.message.sends === front.send) return front.message;
      this.#transmissionsHead += 1;
      if (
        this.#transmissionsHead > 1024 &&
        this.#transmissionsHead * 2 > this.#transmissions.length
      ) {
        this.#transmissions = this.#transmissions.slice(this.#transmissionsHead);
        this.#transmissionsHead = 0;
      }
    }
  }

  #leaveFlight(message: Outgoing): void {
    message.inFlight = false;
    this.#inFlightBytes -= message.bytes;
    this.#inFlightMessages -= 1;
  }

  #rememberResend(sequenceNumber: number): void {
    if (this.#acknowledgedResends.size >= REMEMBERED_RESENDS) this.#acknowledgedResends.clear();
    this.#acknowledgedResends.add(sequenceNumber);
  }

  /** A second acknowledgement of a resent message: both arrived, so the resend was needless. */
  #noticeNeedlessResend(sequenceNumber: number): void {
    if (!this.#acknowledgedResends.delete(sequenceNumber)) return;
    this.#reorderShare = Math.min(this.#reorderShare * 1.25, 8);
  }
}
