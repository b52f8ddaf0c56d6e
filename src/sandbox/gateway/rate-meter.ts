/** What the service does about a client's message rate. */
export type RateVerdict = 'ok' | 'pause' | 'close';

const SUSTAINED_MS = 2000;

/**
 * The service's limit as implementers met it (docs/protocol.md §4): a rate above the limit for two
 * seconds brings a pause, going on at the limit a close; bursts within two seconds pass.
 * Time comes in as an argument.
 */
export class RateMeter {
  readonly #perSecond: number;
  #windowStartMs = 0;
  #count = 0;
  #paused = false;

  /** @param perSecond data messages a second that may be sustained */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Counts one data message from the client. */
  count(nowMs: number): RateVerdict {
    if (nowMs - this.#windowStartMs >= SUSTAINED_MS) {
      this.#windowStartMs = nowMs;
      this.#count = 0;
      this.#paused = false;
    }
    this.#count += 1;
    const allowed = (this.#perSecond * SUSTAINED_MS) / 1000;
    if (!this.#paused && this.#count > allowed) {
      this.#paused = true;
      // What follows within another two seconds is a client that did not stop.
      this.#windowStartMs = nowMs;
      this.#count = 0;
      return 'pause';
    }
    return this.#paused && this.#count > this.#perSecond / 2 ? 'close' : 'ok';
  }

  /** When a paused client may be told to go on; undefined when it is not paused. */
  get releaseAtMs(): number | undefined {
    return this.#paused ? this.#windowStartMs + SUSTAINED_MS : undefined;
  }

  /** The client was told to go on. */
  release(): void {
    this.#paused = false;
    this.#count = 0;
  }
}
