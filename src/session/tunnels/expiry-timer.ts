import { setTimeout as sleep } from 'node:timers/promises';
import { ExpiryWatch } from './expiry-watch.ts';
import type { Expiry, ExpiryEvent } from './expiry-watch.ts';

/** The computer may sleep, and the credentials be renewed: the file is read again this often. */
const LOOK_MS = 30_000;
/** While the person is expected to renew them. */
const LOOK_SOON_MS = 10_000;

/** Looks at once and then again and again when credentials end. Returns what stops it. */
export function watchExpiry(read: () => Expiry, onEvent: (event: ExpiryEvent) => void): () => void {
  const watch = new ExpiryWatch();
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    let waitMs = LOOK_MS;
    try {
      const expiry = read();
      const event = watch.observe(expiry, Date.now());
      if (event !== undefined) onEvent(event);
      if (!watch.isGood) waitMs = LOOK_SOON_MS;
    } catch {
      // Somebody is writing the file, or took it away: what uses the credentials will tell.
    }
    timer = setTimeout(look, waitMs).unref();
  };
  look();
  return () => clearTimeout(timer);
}

/** The service keeps a session for 20 minutes by default when nothing happens on it. */
const RENEWAL_PATIENCE_MS = 20 * 60_000;
const LOOK_FOR_RENEWAL_MS = 2_000;
/** AWS has said that they are over; its clock may be ahead of this one. */
const CLOCK_DIFFERENCE_MS = 60_000;

/**
 * Waits until credentials that have expired are renewed, so that what needs them can go on.
 *
 * @returns false where that cannot be seen, or when it took too long
 */
export async function untilRenewed(read: () => Expiry, stop: AbortSignal): Promise<boolean> {
  const deadlineMs = performance.now() + RENEWAL_PATIENCE_MS;
  while (performance.now() < deadlineMs && !stop.aborted) {
    const { endsAtMs } = read();
    if (endsAtMs === undefined) return false;
    if (endsAtMs > Date.now() + CLOCK_DIFFERENCE_MS) return true;
    await sleep(LOOK_FOR_RENEWAL_MS, undefined, { signal: stop }).catch(() => undefined);
  }
  return false;
}
