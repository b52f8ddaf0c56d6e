import type { ExpiryEvent } from './expiry-watch.ts';
import type { FoundRun, RunRegistry } from './run-registry.ts';
import type { TunnelStatus } from './tunnel-status.ts';

/**
 * A tunnel as it really is. Beside the states of a running one:
 * - `down`: nobody carries it
 * - `hung`: its process does not answer
 * - `gone`: its process was killed; `sessionIds` may be open still
 */
export interface ListedTunnel extends Omit<TunnelStatus, 'state' | 'target'> {
  state: TunnelStatus['state'] | 'down' | 'hung' | 'gone';
  target: string | null;
  pid: number | null;
  isDetached: boolean | null;
}

export interface TunnelList {
  tunnels: ListedTunnel[];
  /** Of running tunnels whose credentials end soon, or have ended. */
  credentials: ExpiryEvent[];
}

/**
 * Asks every process that carries tunnels.
 *
 * @param configured name and host of tunnels that are listed even when they are down
 */
export async function listTunnels(
  registry: RunRegistry,
  configured: readonly { name: string; host: string }[],
): Promise<TunnelList> {
  const runs = await registry.find();
  const known = new Map(runs.flatMap(tunnelsOf).map((tunnel) => [tunnel.name, tunnel]));
  const names = new Set([...configured.map(({ name }) => name), ...known.keys()]);
  const hosts = new Map(configured.map(({ name, host }) => [name, host]));
  const credentials = runs.flatMap((run) => (run.state === 'alive' ? run.report.credentials : []));
  return {
    tunnels: [...names].map((name) => known.get(name) ?? nothing(name, hosts.get(name), 'down')),
    credentials: [...new Map(credentials.map((event) => [event.owner, event])).values()],
  };
}

function tunnelsOf(run: FoundRun): ListedTunnel[] {
  const { isDetached, process, tunnels } = run.record;
  const carrier = { pid: process.pid, isDetached };
  if (run.state === 'alive') return run.report.tunnels.map((tunnel) => ({ ...tunnel, ...carrier }));
  return tunnels.map(({ name, sessionIds, profile, region }) => ({
    ...nothing(name, undefined, run.state === 'hung' ? 'hung' : 'gone'),
    profile,
    region,
    sessionIds,
    ...carrier,
  }));
}

function nothing(
  name: string,
  host: string | undefined,
  state: 'down' | 'hung' | 'gone',
): ListedTunnel {
  return {
    name,
    state,
    host: host ?? '',
    target: null,
    profile: null,
    region: null,
    listeners: [],
    sessionIds: [],
    since: null,
    problem: null,
    pid: null,
    isDetached: null,
  };
}
