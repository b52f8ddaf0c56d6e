const INITIAL_ROUND_TRIP_MS = 100;
const INITIAL_TIMEOUT_MS = 200;
const GRANULARITY_MS = 10;
const MAX_TIMEOUT_MS = 1000;

/** The round-trip estimate and resend timeout of docs/protocol.md §4 (`retransmission-timeout.json`). */
export class RetransmissionTimer {
  #smoothedMs = INITIAL_ROUND_TRIP_MS;
  #variationMs = 0;
  #timeoutMs = INITIAL_TIMEOUT_MS;

  /** How old an unacknowledged message may grow before it is sent again. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** Takes in the time between the last sending of a message and its acknowledgement. */
  sample(roundTripMs: number): void {
    // The deviation is taken against the estimate before this sample.
    this.#variationMs = 0.75 * this.#variationMs + 0.25 * Math.abs(this.#smoothedMs - roundTripMs);
    this.#smoothedMs = 0.875 * this.#smoothedMs + 0.125 * roundTripMs;
    const timeoutMs = this.#smoothedMs + Math.max(GRANULARITY_MS, 4 * this.#variationMs);
    this.#timeoutMs = Math.min(timeoutMs, MAX_TIMEOUT_MS);
  }
}
