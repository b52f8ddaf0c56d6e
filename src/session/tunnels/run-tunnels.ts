import type { Log } from '../../platform/log.ts';
import type { ForwardEvent } from '../forward/port-forward.ts';
import type { SessionApi } from '../session-api.ts';
import { watchExpiry } from './expiry-timer.ts';
import type { Expiry, ExpiryEvent } from './expiry-watch.ts';
import { Presence } from './presence.ts';
import type { RunRegistry } from './run-registry.ts';
import type { TunnelPlan } from './tunnel-plan.ts';
import { TunnelSet } from './tunnel-set.ts';

/** What happens to a tunnel, or to the credentials of several. */
export type TunnelsEvent = ({ tunnel: string } & ForwardEvent) | ExpiryEvent;

export interface RunTunnelsOptions {
  plans: readonly TunnelPlan[];
  apiFor: (account: Pick<TunnelPlan, 'profile' | 'region'>) => Promise<SessionApi>;
  /** Asked again and again: whoever renews the credentials writes a file. */
  readExpiry: (profile: string | undefined) => Expiry;
  registry: RunRegistry;
  isDetached: boolean;
  log: Log;
  onEvent: (event: TunnelsEvent) => void;
  onOpening?: (tunnels: TunnelSet) => void;
  /** Every listener is open. */
  onReady?: (tunnels: TunnelSet) => void;
  /** Ends everything. */
  stop: AbortSignal;
}

/**
 * Opens tunnels, keeps them until `stop` or until the last was closed by somebody else, and ends
 * every session. Meanwhile other commands find this process, and what they need to clear up after
 * it if it is killed.
 *
 * @throws DevaccessError of the first tunnel that cannot be opened, DA_TUNNEL_UP for one that
 *   another process has; then none is open
 */
export async function runTunnels(options: RunTunnelsOptions): Promise<void> {
  const { plans, stop, onEvent } = options;
  const warnings = new Map<string, ExpiryEvent>();
  const tunnels = new TunnelSet({
    ...options,
    onEvent: (tunnel, event) => {
      if (event.event === 'session-started' || event.event === 'session-ended') presence.refresh();
      onEvent({ tunnel, ...event });
    },
  });
  const presence = new Presence({ ...options, tunnels, warnings });
  await presence.begin();
  let watches: (() => void)[] = [];
  try {
    options.onOpening?.(tunnels);
    if (!(await tunnels.open())) return;
    watches = [...new Set(plans.map(({ profile }) => profile))].map((profile) =>
      watchExpiry(
        () => options.readExpiry(profile),
        (event) => {
          if (event.event === 'credentials-renewed') warnings.delete(event.owner);
          else warnings.set(event.owner, event);
          onEvent(event);
        },
      ),
    );
    options.onReady?.(tunnels);
    await Promise.race([tunnels.ended, aborted(stop)]);
  } finally {
    for (const stopWatching of watches) stopWatching();
    await tunnels.close(tunnels.names);
    await presence.end();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}
