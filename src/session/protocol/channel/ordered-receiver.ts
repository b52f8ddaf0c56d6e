import type { ClientMessage } from '../message/message.ts';

/** What became of an arrived data message; all but `dropped` are acknowledged. */
export type Arrival = 'next' | 'buffered' | 'repeat' | 'dropped';

/**
 * After a cut the agent sends about ten lost messages a second again while it goes on with a
 * thousand new ones (docs/protocol.md §7.3). What does not fit is lost as well and prolongs that, so
 * there is room for half a minute of it; the published client's 10 000 are full after ten seconds.
 */
const MAX_BUFFERED_MESSAGES = 32_768;
const MAX_BUFFERED_BYTES = 32 * 1024 * 1024;

/**
 * The receiving half of the data channel: puts messages in order. What comes early is kept within
 * bounds, what does not fit is dropped unacknowledged, so the sender sends it again.
 */
export class OrderedReceiver {
  #expected = 0;
  readonly #early = new Map<number, ClientMessage>();
  #earlyBytes = 0;

  /** The number of the next message to be delivered. */
  get expected(): number {
    return this.#expected;
  }

  /** Messages that wait for an earlier one. */
  get bufferedMessages(): number {
    return this.#early.size;
  }

  /** Where a message of this number stands, without taking it. */
  classify(message: ClientMessage): Arrival {
    const ahead = message.sequenceNumber - this.#expected;
    if (ahead === 0) return 'next';
    if (ahead < 0) return 'repeat';
    if (this.#early.has(message.sequenceNumber)) return 'repeat';
    const fits =
      ahead <= MAX_BUFFERED_MESSAGES &&
      this.#earlyBytes + message.payload.length <= MAX_BUFFERED_BYTES;
    return fits ? 'buffered' : 'dropped';
  }

  /** Keeps an early message. Its payload is copied: a view would keep the whole frame alive. */
  buffer(message: ClientMessage): void {
    this.#early.set(message.sequenceNumber, { ...message, payload: Buffer.from(message.payload) });
    this.#earlyBytes += message.payload.length;
  }

  /** The expected message was taken. Returns the buffered one that is expected now, if any. */
  advance(): ClientMessage | undefined {
    this.#expected += 1;
    return this.#early.get(this.#expected);
  }

  /** Forgets a message that {@link advance} returned, once it was taken. */
  release(message: ClientMessage): void {
    if (this.#early.delete(message.sequenceNumber)) this.#earlyBytes -= message.payload.length;
  }
}
