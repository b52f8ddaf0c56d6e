const IDLE_PING_MS = 30_000;
const IDLE_PONG_WAIT_MS = 10_000;
const BUSY_PING_MS = 3_000;
const BUSY_PONG_WAIT_MS = 5_000;

/**
 * What the connection is doing: `busy` when messages wait for an acknowledgement or were arriving
 * a moment ago, `deaf` while nothing is read from it, because this end's own sink is full.
 */
export type Activity = 'idle' | 'busy' | 'deaf';

/**
 * Notices a connection that died silently: pings when nothing was heard for a while, sooner when
 * it is busy, and calls it dead when no sign of life follows. Load
 * balancers drop silent connections after 60 s, so the idle ping also keeps them open (§4). Who is
 * deaf pings for that reason alone.
 */
export class Liveness {
  #heardAtMs = 0;
  #pingedAtMs: number | undefined;

  /** Starts afresh: a new socket, or this end was not listening until now. */
  restart(nowMs: number): void {
    this.#heardAtMs = nowMs;
    this.#pingedAtMs = undefined;
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
    this.#pingedAtMs = undefined;
  }

  /** This process did not run for so long: that time does not count. */
  slept(durationMs: number): void {
    this.#heardAtMs += durationMs;
    if (this.#pingedAtMs !== undefined) this.#pingedAtMs += durationMs;
  }

  check(nowMs: number, activity: Activity): 'ok' | 'ping' | 'dead' {
    if (nowMs < this.deadlineMs(activity)) return 'ok';
    if (activity === 'deaf') this.restart(nowMs);
    else if (this.#pingedAtMs !== undefined) return 'dead';
    else this.#pingedAtMs = nowMs;
    return 'ping';
  }

  /** When {@link check} has something to do next. */
  deadlineMs(activity: Activity): number {
    const isBusy = activity === 'busy';
    if (this.#pingedAtMs !== undefined && activity !== 'deaf') {
      return this.#pingedAtMs + (isBusy ? BUSY_PONG_WAIT_MS : IDLE_PONG_WAIT_MS);
    }
    return this.#heardAtMs + (isBusy ? BUSY_PING_MS : IDLE_PING_MS);
  }
}
