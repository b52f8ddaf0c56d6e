/** A token bucket: `perSecond` messages sustained, `burst` at once. */
export interface Pace {
  perSecond: number;
  burst: number;
}

const LOWEST_FRACTION = 1 / 16;
/** After a slow-down the rate climbs back over about this long. */
const RECOVERY_MS = 30_000;
/** When starved, wait for this many tokens at once rather than waking for each message. */
const QUANTUM = 4;

/**
 * Paces data messages below what the service tolerates (docs/protocol.md §4, "Service rate").
 * Halves its rate when the service pushes back and recovers slowly. Time comes in as an argument.
 */
export class TokenBucket {
  readonly #pace: Pace;
  #tokens: number;
  #fraction = 1;
  #updatedAtMs: number;

  constructor(pace: Pace, nowMs: number) {
    this.#pace = pace;
    this.#tokens = pace.burst;
    this.#updatedAtMs = nowMs;
  }

  /** Messages per second at this moment. */
  get perSecond(): number {
    return this.#pace.perSecond * this.#fraction;
  }

  /** Takes one token; false when there is none. */
  take(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** When sending can go on after {@link take} said no. */
  readyAtMs(nowMs: number): number {
    this.#refill(nowMs);
    const missing = Math.min(QUANTUM, this.#pace.burst) - this.#tokens;
    return missing <= 0 ? nowMs : nowMs + (missing / this.perSecond) * 1000;
  }

  /** The service pushed back: half the rate, and no burst left. */
  slowDown(nowMs: number): void {
    this.#refill(nowMs);
    this.#fraction = Math.max(this.#fraction / 2, LOWEST_FRACTION);
    this.#tokens = 0;
  }

  #refill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#updatedAtMs);
    this.#updatedAtMs = nowMs;
    this.#tokens = Math.min(this.#pace.burst, this.#tokens + (elapsedMs / 1000) * this.perSecond);
    this.#fraction = Math.min(1, this.#fraction + elapsedMs / RECOVERY_MS);
  }
}
