/**
 * How many unacknowledged bytes may be in flight. Grows while acknowledgements come in time and
 * the window is what holds the sender back; shrinks on loss (docs/protocol.md §4).
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

const FAST_LOSS_FACTOR = 0.7;
const TIMEOUT_FACTOR = 0.5;
const SEGMENT_BYTES = 1024;

export class SendWindow {
  readonly #limits: WindowLimits;
  bytes: number;
  #slowStartBelow = Infinity;
  /** Losses of messages sent before this moment belong to a reduction already made. */
  #reducedAtMs = -Infinity;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
    this.bytes = limits.initialBytes;
  }

  /** Messages of so many bytes were acknowledged in time, while the window held the sender back. */
  grow(ackedBytes: number): void {
    const growth =
      this.bytes < this.#slowStartBelow ? ackedBytes : (SEGMENT_BYTES * ackedBytes) / this.bytes;
    this.bytes = Math.min(this.bytes + growth, this.#limits.maxBytes);
  }

  /** A message sent at `sentAtMs` is taken for lost. One reduction for each flight of messages. */
  lost(sentAtMs: number, nowMs: number, byTimeout: boolean): void {
    if (sentAtMs <= this.#reducedAtMs) return;
    this.#reducedAtMs = nowMs;
    const factor = byTimeout ? TIMEOUT_FACTOR : FAST_LOSS_FACTOR;
    this.bytes = Math.max(this.bytes * factor, this.#limits.minBytes);
    this.#slowStartBelow = this.bytes;
  }
}
