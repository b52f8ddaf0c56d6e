import { setTimeout as delay } from 'node:timers/promises';

const FIRST_POLL_MS = 250;
const MAX_POLL_MS = 3_000;
/** A command that is still unknown so long after it was sent has got lost. */
export const UNKNOWN_PATIENCE_MS = 60_000;
/** How long its end may be asked for in vain. */
export const TROUBLE_PATIENCE_MS = 60_000;
const CANCEL_PATIENCE_MS = 3_000;

/** Time, as a test can make it go by. */
export interface PollClock {
  /** Milliseconds since any moment. */
  now(): number;
  /** Rejects when asked to stop. */
  wait(ms: number, stop: AbortSignal): Promise<unknown>;
}

export const REAL_CLOCK: PollClock = {
  now: () => performance.now(),
  wait: (ms, stop) => delay(ms, undefined, { signal: stop }),
};

/** When to ask again, soon at first; ends when asked to stop. */
export async function* polls(clock: PollClock, stop: AbortSignal): AsyncGenerator<void> {
  for (let waitMs = FIRST_POLL_MS; !stop.aborted; waitMs = Math.min(MAX_POLL_MS, waitMs * 1.5)) {
    try {
      await clock.wait(waitMs, stop);
    } catch {
      return;
    }
    yield;
  }
}

/** Waits a moment for a cancellation to go through; whoever cancels wants to leave. */
export async function brieflyAwait(cancellation: Promise<unknown>): Promise<void> {
  const ending = cancellation.catch(() => undefined);
  await Promise.race([ending, delay(CANCEL_PATIENCE_MS, undefined, { ref: false })]);
}
