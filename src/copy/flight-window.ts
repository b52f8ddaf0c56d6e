/** What is always allowed under way: enough to learn the path's speed from. */
const MIN_BYTES = 256 * 1024;
/** Past this, more only waits: OpenSSH's own window of a channel is 2 MiB. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Kept beside what the path itself holds, so that neither end ever waits for the other. */
const SPARE_BYTES = 128 * 1024;
const MIN_BLOCK_BYTES = 32 * 1024;
const MAX_BLOCK_BYTES = 128 * 1024;
/** A request counts for so much at least, so that small ones have a limit, too. */
const MIN_REQUEST_BYTES = 4096;
/** How long the best rate is remembered. */
const RATE_MEMORY_MS = 10_000;

/** When and after how much a request set out. */
export interface Departure {
  bytes: number;
  atMs: number;
  deliveredBytes: number;
}

/**
 * How much one connection may have under way. It is twice what the path holds (best rate × shortest
 * answer, as BBR counts it), so that a long or fast path is filled, while a connection that is paced
 * to 1 MB/s holds back no more than it can deliver in a moment: what it holds at the end of a file,
 * all others wait for. Time comes in as an argument, in milliseconds.
 */
export class FlightWindow {
  #underWayBytes = 0;
  #deliveredBytes = 0;
  #shortestMs = Infinity;
  #rates: { bytesPerMs: number; atMs: number }[] = [];

  get hasRoom(): boolean {
    return this.#underWayBytes < this.limitBytes;
  }

  /** Bytes that may be under way now. */
  get limitBytes(): number {
    const rate = this.#rates[0]?.bytesPerMs ?? 0;
    if (rate === 0) return MIN_BYTES;
    return Math.min(Math.max(2 * rate * this.#shortestMs + SPARE_BYTES, MIN_BYTES), MAX_BYTES);
  }

  /**
   * How much one request should ask for: an eighth of the window, so that the path is never empty,
   * and on a fast path more at a time, so that requests cost less.
   */
  get blockBytes(): number {
    const steps = Math.floor(this.limitBytes / 8 / MIN_BLOCK_BYTES);
    return Math.min(Math.max(steps, 1) * MIN_BLOCK_BYTES, MAX_BLOCK_BYTES);
  }

  /** A request sets out. */
  depart(bytes: number, nowMs: number): Departure {
    const counted = Math.max(bytes, MIN_REQUEST_BYTES);
    this.#underWayBytes += counted;
    return { bytes: counted, atMs: nowMs, deliveredBytes: this.#deliveredBytes };
  }

  /** It was answered. */
  arrive(departure: Departure, nowMs: number): void {
    this.#underWayBytes -= departure.bytes;
    this.#deliveredBytes += departure.bytes;
    const tookMs = Math.max(nowMs - departure.atMs, 0.1);
    this.#shortestMs = Math.min(this.#shortestMs, tookMs);
    const bytesPerMs = (this.#deliveredBytes - departure.deliveredBytes) / tookMs;
    // Best first, each next one later and lower: a maximum over a sliding time.
    while ((this.#rates.at(-1)?.bytesPerMs ?? Infinity) <= bytesPerMs) this.#rates.pop();
    this.#rates.push({ bytesPerMs, atMs: nowMs });
    while (nowMs - (this.#rates[0]?.atMs ?? nowMs) > RATE_MEMORY_MS) this.#rates.shift();
  }

  /** It failed, and tells nothing of the path. */
  drop(departure: Departure): void {
    this.#underWayBytes -= departure.bytes;
  }
}
