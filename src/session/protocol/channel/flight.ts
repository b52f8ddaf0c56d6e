import type { Reduction } from './send-window.ts';

/** One data message from the moment it is numbered until it is acknowledged. */
export interface OutgoingMessage {
  readonly sequenceNumber: number;
  readonly frame: Buffer;
  /** What it counts in the window; at least 1. */
  readonly bytes: number;
  /** The latest sending. */
  sentAtMs: number;
  sends: number;
  /** `fresh`: never sent · `lost`: to be sent again. */
  state: 'fresh' | 'in-flight' | 'lost' | 'acknowledged';
  /** What its latest loss did to the window. */
  reduction: Reduction | undefined;
}

/** One transmission; stale once its message was acknowledged or sent again. */
interface Transmission {
  readonly message: OutgoingMessage;
  readonly send: number;
}

const COMPACT_AFTER = 1024;

/** The messages on their way, in the order they were sent. */
export class Flight {
  #transmissions: Transmission[] = [];
  #head = 0;
  #bytes = 0;
  #messages = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get messages(): number {
    return this.#messages;
  }

  /** A message is being sent. */
  add(message: OutgoingMessage, nowMs: number): void {
    message.sentAtMs = nowMs;
    message.sends += 1;
    message.state = 'in-flight';
    this.#bytes += message.bytes;
    this.#messages += 1;
    this.#transmissions.push({ message, send: message.sends });
  }

  /** A message is not on its way any more; its entry is skipped later. */
  remove(message: OutgoingMessage, state: 'lost' | 'acknowledged'): void {
    message.state = state;
    this.#bytes -= message.bytes;
    this.#messages -= 1;
  }

  /** The message that has been on its way for the longest time. */
  oldest(): OutgoingMessage | undefined {
    for (;;) {
      const front = this.#transmissions[this.#head];
      if (front === undefined) {
        this.#transmissions = [];
        this.#head = 0;
        return undefined;
      }
      if (front.message.state === 'in-flight' && front.message.sends === front.send) {
        return front.message;
      }
      this.#head += 1;
      if (this.#head > COMPACT_AFTER && this.#head * 2 > this.#transmissions.length) {
        this.#transmissions = this.#transmissions.slice(this.#head);
        this.#head = 0;
      }
    }
  }
}
