import type { UpAndDown } from './tunnel-status.ts';

/** Seconds of history, one value each. */
export const HISTORY_SECONDS = 30;
/** What is told sooner is counted with the next second. */
const MIN_ELAPSED_MS = 500;

/**
 * Rates from running totals. It is told the totals once a second while there is traffic; in a gap
 * there was none, and the totals at its end tell so.
 */
export class RateMeter {
  #last: { atMs: number; totals: UpAndDown } | undefined;
  #history: number[] = [];
  rate: UpAndDown = { up: 0, down: 0 };

  /** Bytes per second in both directions together, oldest first. */
  get history(): readonly number[] {
    return this.#history;
  }

  /** @param nowMs of a clock that does not jump */
  sample(nowMs: number, totals: UpAndDown): void {
    const last = this.#last;
    const elapsedMs = nowMs - (last?.atMs ?? -Infinity);
    if (elapsedMs < MIN_ELAPSED_MS) return;
    this.#last = { atMs: nowMs, totals: { ...totals } };
    if (last === undefined) return;
    const perSecond = (bytes: number): number => (bytes * 1000) / elapsedMs;
    this.rate = {
      up: perSecond(totals.up - last.totals.up),
      down: perSecond(totals.down - last.totals.down),
    };
    const seconds = Math.min(Math.max(1, Math.round(elapsedMs / 1000)), HISTORY_SECONDS);
    const value = this.rate.up + this.rate.down;
    this.#history = [...this.#history, ...Array<number>(seconds).fill(value)].slice(
      -HISTORY_SECONDS,
    );
  }
}
