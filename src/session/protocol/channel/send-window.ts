/**
 * How many unacknowledged bytes may be in flight. Grows while acknowledgements come in time and
 * the window is what holds the sender back; shrinks on loss (docs/protocol.md §4), and takes that
 * back when the loss turns out to have been none.
 */
export interface WindowLimits {
  initialBytes: number;
  minBytes: number;
  maxBytes: number;
}

export const DEFAULT_WINDOW: WindowLimits = {
  initialBytes: 256 * 1024,
  minBytes: 64 * 1024,
  maxBytes: 8 * 1024 * 1024,
};

/** The default limits under another upper one, in bytes. */
export function windowUpTo(maxBytes: number): WindowLimits {
  const { initialBytes, minBytes } = DEFAULT_WINDOW;
  return {
    initialBytes: Math.min(initialBytes, maxBytes),
    minBytes: Math.min(minBytes, maxBytes),
    maxBytes,
  };
}

const LOSS_FACTOR = 0.7;
const SEGMENT_BYTES = 1024;
/** A round trip this much above twice the shortest one is a queue that more data would only feed. */
const QUEUE_ALLOWANCE_MS = 100;

/** One reduction of the window, and how many of the losses behind it still count. */
export interface Reduction {
  readonly bytesBefore: number;
  readonly slowStartBelowBefore: number;
  losses: number;
}

export class SendWindow {
  readonly #limits: WindowLimits;
  bytes: number;
  #slowStartBelow = Infinity;
  #shortestRoundTripMs = Infinity;
  /** Losses of messages sent before this moment belong to the latest reduction. */
  #reducedAtMs = -Infinity;
  #reduction: Reduction | undefined;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
    this.bytes = limits.initialBytes;
  }

  /** A new socket may take another path: the shortest round trip is to be found anew. */
  pathChanged(): void {
    this.#shortestRoundTripMs = Infinity;
  }

  /**
   * Bytes were acknowledged `roundTripMs` after their only sending.
   * @param isUsed whether the window was what held the sender back
   */
  acknowledged(bytes: number, roundTripMs: number, isUsed: boolean): void {
    this.#shortestRoundTripMs = Math.min(this.#shortestRoundTripMs, roundTripMs);
    if (!isUsed || roundTripMs > 2 * this.#shortestRoundTripMs + QUEUE_ALLOWANCE_MS) return;
    const growth = this.bytes < this.#slowStartBelow ? bytes : (SEGMENT_BYTES * bytes) / this.bytes;
    this.bytes = Math.min(this.bytes + growth, this.#limits.maxBytes);
  }

  /** A message sent at `sentAtMs` is taken for lost. One reduction for each flight of messages. */
  lost(sentAtMs: number, nowMs: number): Reduction {
    if (this.#reduction === undefined || sentAtMs > this.#reducedAtMs) {
      this.#reduction = {
        bytesBefore: this.bytes,
        slowStartBelowBefore: this.#slowStartBelow,
        losses: 0,
      };
      this.#reducedAtMs = nowMs;
      this.bytes = Math.max(this.bytes * LOSS_FACTOR, this.#limits.minBytes);
      this.#slowStartBelow = this.bytes;
    }
    this.#reduction.losses += 1;
    return this.#reduction;
  }

  /** A message of that reduction had not been lost. With none left, the reduction is undone. */
  notLost(reduction: Reduction): void {
    reduction.losses -= 1;
    if (reduction.losses > 0 || reduction !== this.#reduction) return;
    this.bytes = Math.max(this.bytes, reduction.bytesBefore);
    this.#slowStartBelow = reduction.slowStartBelowBefore;
    this.#reduction = undefined;
  }
}
