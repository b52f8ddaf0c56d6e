import type { Log } from '../../platform/log.ts';
import type { ForwardEvent } from '../forward/port-forward.ts';
import type { SessionApi } from '../session-api.ts';
import { watchExpiry } from './expiry-timer.ts';
import type { Expiry, ExpiryEvent } from './expiry-watch.ts';
import type { TunnelPlan } from './tunnel-plan.ts';
import { TunnelSet } from './tunnel-set.ts';

/** What happens to a tunnel, or to the credentials of several. */
export type TunnelsEvent = ({ tunnel: string } & ForwardEvent) | ExpiryEvent;

export interface RunTunnelsOptions {
  plans: readonly TunnelPlan[];
  apiFor: (plan: TunnelPlan) => Promise<SessionApi>;
  /** Asked again and again: whoever renews the credentials writes a file. */
  readExpiry: (profile: string | undefined) => Expiry;
  log: Log;
  onEvent: (event: TunnelsEvent) => void;
  onOpening?: (tunnels: TunnelSet) => void;
  /** Every listener is open. */
  onReady?: (tunnels: TunnelSet) => void;
  /** Ends everything. */
  stop: AbortSignal;
}

/**
 * Opens tunnels, keeps them until `stop` or until the last is closed, and ends every session.
 *
 * @throws DevaccessError of the first tunnel that cannot be opened; then none is open
 */
export async function runTunnels(options: RunTunnelsOptions): Promise<void> {
  const { plans, apiFor, log, stop, onEvent } = options;
  const tunnels = new TunnelSet({
    plans,
    apiFor,
    log,
    stop,
    onEvent: (tunnel, event) => onEvent({ tunnel, ...event }),
  });
  options.onOpening?.(tunnels);
  try {
    await tunnels.open();
  } catch (error) {
    if (stop.aborted) return;
    throw error;
  }
  const profiles = new Set(plans.map(({ profile }) => profile));
  const watches = [...profiles].map((profile) =>
    watchExpiry(() => options.readExpiry(profile), onEvent),
  );
  try {
    options.onReady?.(tunnels);
    await Promise.race([tunnels.ended, aborted(stop)]);
  } finally {
    for (const stopWatching of watches) stopWatching();
    await tunnels.close(tunnels.names);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}
