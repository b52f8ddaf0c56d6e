/** Servers of the config file, which no account is asked for. */
import { isInstanceId } from './host.ts';
import type { KeyChoice, KeyOrigin } from './login-keys.ts';
import type { BastionRoute, HostEntry } from './host.ts';

export interface FixedHost {
  name: string;
  /** A node whose agent is the way in; undefined for one behind another. */
  instance: string | undefined;
  address: string | undefined;
  /** Name or id of what it is reached through. */
  via: string | undefined;
  route: BastionRoute;
  user: string | undefined;
  port: number | undefined;
  identityFile: string | undefined;
  key: KeyChoice | undefined;
  keyFrom: KeyOrigin;
  controlPersist: string | undefined;
  /** Undefined leaves it to that of `via`, or to the environment. */
  profile: string | undefined;
  region: string | undefined;
}

/** Another host that has an entry, new or kept. */
export interface KnownEntry {
  alias: string;
  instanceId: string;
  /** Reached by its own agent, so that others can be reached through it. */
  hasAgent: boolean;
  profile: string | undefined;
  region: string | undefined;
}

export interface PlannedFixed {
  host: FixedHost;
  entry: HostEntry;
  profile: string | undefined;
  region: string | undefined;
}

/** Plans the fixed hosts; those whose `via` is not there are skipped. */
export function planFixedHosts(
  hosts: readonly FixedHost[],
  known: readonly KnownEntry[],
): { planned: PlannedFixed[]; skipped: { name: string; reason: string }[] } {
  const own = hosts.flatMap(({ name, instance, profile, region }): KnownEntry[] =>
    instance === undefined
      ? []
      : [{ alias: name, instanceId: instance, hasAgent: true, profile, region }],
  );
  const all = [...own, ...known];
  const planned: PlannedFixed[] = [];
  const skipped: { name: string; reason: string }[] = [];
  for (const host of hosts) {
    const result = planFixed(host, all);
    if ('reason' in result) skipped.push({ name: host.name, reason: result.reason });
    else planned.push(result);
  }
  return { planned, skipped };
}

function planFixed(
  host: FixedHost,
  known: readonly KnownEntry[],
): PlannedFixed | { reason: string } {
  const { name, instance, address, via = '', route, user, port = 22, profile, region } = host;
  if (instance !== undefined) {
    const entry: HostEntry = {
      alias: name,
      instanceId: instance,
      route: 'direct',
      hostName: instance,
      user,
      port,
      bastion: undefined,
    };
    return { host, entry, profile, region };
  }
  const through = known.find(({ alias, instanceId }) => alias === via || instanceId === via);
  const bastion = through ?? unsynced(via, host);
  if (bastion === undefined) return { reason: `there is no host ${via} to reach it through` };
  if (route === 'jump' && through === undefined) {
    return { reason: `${via} has no entry that ssh could jump through` };
  }
  if (route === 'remote-host' && !bastion.hasAgent) {
    return { reason: `${via} has no agent itself; use route = "jump"` };
  }
  const entry: HostEntry = {
    alias: name,
    // Nothing else tells it from others.
    instanceId: name,
    route,
    hostName: address ?? name,
    user,
    port,
    bastion: { alias: bastion.alias, instanceId: bastion.instanceId },
  };
  return {
    host,
    entry,
    profile: profile ?? bastion.profile,
    region: region ?? bastion.region,
  };
}

/** A node by its id, in the account that the fixed host names. */
function unsynced(via: string, { profile, region }: FixedHost): KnownEntry | undefined {
  if (!isInstanceId(via)) return undefined;
  return { alias: via, instanceId: via, hasAgent: true, profile, region };
}
