/** While paused, one message leaves this often: a far end that takes it ends the pause. */
const PROBE_EVERY_MS = 10_000;

/**
 * `pause_publication`: the other end is away, or this side sends too fast. Data and resends are
 * held until `start_publication` or a data message of the agent (docs/protocol.md §4). As neither
 * is certain to come when the agent has nothing to say, a single message goes out now and then.
 */
export class PublicationPause {
  #sinceMs: number | undefined;
  #probeAtMs = Infinity;

  get isPaused(): boolean {
    return this.#sinceMs !== undefined;
  }

  /** When a message may leave in spite of the pause. */
  get probeAtMs(): number {
    return this.#probeAtMs;
  }

  /** False when it was paused already. */
  begin(nowMs: number): boolean {
    if (this.#sinceMs !== undefined) return false;
    this.#sinceMs = nowMs;
    this.#probeAtMs = nowMs + PROBE_EVERY_MS;
    return true;
  }

  /** False when it was not paused. */
  end(): boolean {
    if (this.#sinceMs === undefined) return false;
    this.#sinceMs = undefined;
    this.#probeAtMs = Infinity;
    return true;
  }

  probed(nowMs: number): void {
    this.#probeAtMs = nowMs + PROBE_EVERY_MS;
  }

  /** Whether the answer to a message sent at `sentAtMs` shows that the far end takes data again. */
  isOverWith(sentAtMs: number): boolean {
    return this.#sinceMs !== undefined && sentAtMs > this.#sinceMs;
  }
}
