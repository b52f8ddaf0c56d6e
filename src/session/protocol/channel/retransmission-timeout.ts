const INITIAL_ROUND_TRIP_MS = 100;
const INITIAL_TIMEOUT_MS = 200;
const MIN_VARIATION_MS = 10;
export const MAX_TIMEOUT_MS = 1000;

/**
 * How long a message may stay unacknowledged before it is sent again (docs/protocol.md §4).
 * The deviation is taken against the old round trip time, as both peers do.
 */
export class RetransmissionTimeout {
  smoothedMs = INITIAL_ROUND_TRIP_MS;
  variationMs = 0;
  timeoutMs = INITIAL_TIMEOUT_MS;

  /** Takes one measured round trip. Never of a message that was sent more than once (Karn). */
  sample(roundTripMs: number): void {
    this.variationMs = 0.75 * this.variationMs + 0.25 * Math.abs(this.smoothedMs - roundTripMs);
    this.smoothedMs = 0.875 * this.smoothedMs + 0.125 * roundTripMs;
    const timeout = this.smoothedMs + Math.max(MIN_VARIATION_MS, 4 * this.variationMs);
    // The peers keep it in whole nanoseconds.
    this.timeoutMs = Math.min(Math.floor(timeout * 1e6) / 1e6, MAX_TIMEOUT_MS);
  }
}
