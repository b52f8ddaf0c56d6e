const IDLE_PING_MS = 30_000;
const BUSY_PING_MS = 5_000;
const PONG_WAIT_MS = 10_000;

/**
 * Notices a connection that died silently: pings when nothing was heard for a while, sooner when
 * messages wait for an acknowledgement, and calls it dead when no sign of life follows. Load
 * balancers drop silent connections after 60 s, so the idle ping also keeps them open (§4).
 */
export class Liveness {
  #heardAtMs = 0;
  #pingedAtMs: number | undefined;

  /** Starts afresh: a new socket, or reading goes on after a pause of our own. */
  restart(nowMs: number): void {
    this.#heardAtMs = nowMs;
    this.#pingedAtMs = undefined;
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
    this.#pingedAtMs = undefined;
  }

  /** @param isBusy whether messages wait for an acknowledgement */
  check(nowMs: number, isBusy: boolean): 'ok' | 'ping' | 'dead' {
    if (this.#pingedAtMs !== undefined) {
      return nowMs - this.#pingedAtMs >= PONG_WAIT_MS ? 'dead' : 'ok';
    }
    if (nowMs < this.deadlineMs(isBusy)) return 'ok';
    this.#pingedAtMs = nowMs;
    return 'ping';
  }

  /** When {@link check} has something to do next. */
  deadlineMs(isBusy: boolean): number {
    if (this.#pingedAtMs !== undefined) return this.#pingedAtMs + PONG_WAIT_MS;
    return this.#heardAtMs + (isBusy ? BUSY_PING_MS : IDLE_PING_MS);
  }
}
