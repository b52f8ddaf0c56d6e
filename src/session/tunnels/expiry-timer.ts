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
