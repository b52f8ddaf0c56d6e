/** The servers that have an entry, and, as AWS has just told, whether they can be reached. Pure. */
import { matchesWildcard } from '../platform/wildcard.ts';
import { isInstanceId, isOnline } from './host.ts';
import type { InventoryNode, Route } from './host.ts';
import type { PlannedAccount, ReadAccounts } from './read-accounts.ts';
import type { SyncFailure } from './sync-result.ts';
import { FIXED_OWNER } from './ssh-config-file.ts';
import type { SyncedHost, SyncedText } from './synced-hosts.ts';

/**
 * `online`: its own agent is. `behind`: it runs, as far as is known, and its bastion is online; whether
 * its SSH server answers nobody asked. `offline`: it cannot be reached. `unknown`: AWS did not tell.
 * `no-entry`: it is in the account, and not in the SSH config.
 */
export type HostStatus = 'online' | 'behind' | 'offline' | 'unknown' | 'no-entry';

/** One host of `devaccess hosts list --json`. */
export interface ListedHost {
  /** What ssh takes; the tag `Name`, or the id, of one without an entry. */
  name: string;
  /** Null for a fixed host that has none. */
  instanceId: string | null;
  /** Null without --live. */
  status: HostStatus | null;
  /** Why it cannot be reached, or has no entry. */
  reason: string | null;
  /** Null for one without an entry. */
  route: Route | null;
  /** Id of the server it is reached through. */
  bastion: string | null;
  /** Its address behind the bastion. */
  address: string | null;
  user: string | null;
  port: number | null;
  fleet: string | null;
  /** From `[hosts.NAME]` of the config file. */
  isFixed: boolean;
  profile: string | null;
  region: string | null;
}

/** What `devaccess hosts list --json` prints. */
export interface HostListResult {
  hosts: ListedHost[];
  /** Accounts that did not answer; only with --live. */
  failed: SyncFailure[];
  notices: string[];
}

export interface HostFilter {
  /** Of which one must fit the name, the id or the address; `*` and `?` may be in them. */
  patterns: readonly string[];
  profile: string | undefined;
  region: string | undefined;
  fleet: string | undefined;
}

/** @param live what AWS tells; undefined: nobody asked */
export function listHosts(
  texts: readonly SyncedText[],
  live: ReadAccounts | undefined,
): ListedHost[] {
  const listed = texts.flatMap(({ owner, hosts }) =>
    hosts.map((host): ListedHost => {
      const isFixed = owner.fleet === FIXED_OWNER;
      return {
        name: host.alias,
        instanceId: isInstanceId(host.instanceId) ? host.instanceId : null,
        ...(live === undefined ? { status: null, reason: null } : statusOf(host, live)),
        route: host.route,
        bastion: host.behind?.bastion ?? null,
        address: host.behind?.hostName ?? null,
        user: host.user ?? null,
        port: host.port,
        fleet: isFixed ? null : (owner.fleet ?? null),
        isFixed,
        profile: host.profile ?? null,
        region: host.region ?? null,
      };
    }),
  );
  if (live === undefined) return listed;
  const ids = new Set(listed.map(({ instanceId }) => instanceId));
  const missing = live.planned.flatMap((planned) => withoutEntry(planned, (id) => ids.has(id)));
  return [...listed, ...new Map(missing.map((host) => [host.instanceId, host])).values()];
}

export function filterHosts(
  hosts: readonly ListedHost[],
  { patterns, profile, region, fleet }: HostFilter,
): ListedHost[] {
  const wanted = patterns.map((pattern) => pattern.toLowerCase());
  return hosts.filter((host) => {
    const names = [host.name, host.instanceId, host.address].map((name) => name?.toLowerCase());
    const isMeant = wanted.some((pattern) =>
      names.some((name) => name !== undefined && matchesWildcard(pattern, name)),
    );
    return (
      (wanted.length === 0 || isMeant) &&
      (profile === undefined || host.profile === profile) &&
      (region === undefined || host.region === region) &&
      (fleet === undefined || host.fleet === fleet)
    );
  });
}

type Status = Pick<ListedHost, 'status' | 'reason'>;

const ONLINE: Status = { status: 'online', reason: null };
const offline = (reason: string): Status => ({ status: 'offline', reason });
const unknown = (reason: string): Status => ({ status: 'unknown', reason });

function statusOf(host: SyncedHost, live: ReadAccounts): Status {
  const { behind, instanceId } = host;
  if (behind === undefined) return agentStatus(instanceId, host, live, '');
  const node = isInstanceId(instanceId) ? nodeOf(instanceId, live) : undefined;
  if (node?.state !== undefined && node.state !== 'running') return offline(node.state);
  if (node === undefined && isInstanceId(instanceId)) {
    const own = missing(instanceId, host, live, '');
    if (own.status === 'offline') return own;
  }
  if (!isInstanceId(behind.bastion)) return unknown(`it is behind ${behind.bastion}`);
  const bastion = agentStatus(behind.bastion, host, live, 'the bastion ');
  return bastion.status === 'online' ? { status: 'behind', reason: null } : bastion;
}

/** @param who in front of what is wrong, where it is another than the host itself */
function agentStatus(id: string, host: SyncedHost, live: ReadAccounts, who: string): Status {
  const node = nodeOf(id, live);
  if (node === undefined) return missing(id, host, live, who);
  const verb = who === '' ? '' : `${who}is `;
  if (isOnline(node)) return ONLINE;
  if (node.state !== undefined && node.state !== 'running') return offline(`${verb}${node.state}`);
  if (node.pingStatus !== undefined) {
    return offline(`${verb}not online in Systems Manager (${node.pingStatus})`);
  }
  const knows = live.planned.some((planned) => planned.nodeOf(id) === node && planned.knowsAgents);
  return knows
    ? offline(`${verb}not in Systems Manager`)
    : unknown('Systems Manager could not be read');
}

function missing(
  id: string,
  { profile, region }: SyncedHost,
  live: ReadAccounts,
  who: string,
): Status {
  const verb = who === '' ? '' : `${who}is `;
  const isThere = ({ account }: PlannedAccount): boolean =>
    account.proxyProfile === profile && account.region === region;
  const planned = live.planned.find(isThere);
  if (planned?.isGone(id) === true) return offline(`${verb}no more, or hidden from this profile`);
  const failure = live.failures.find(
    (each) =>
      (each.profile === undefined || each.profile === (profile ?? each.profile)) &&
      (each.region === undefined || each.region === region),
  );
  return unknown(failure?.error.message ?? 'its account was not read');
}

function withoutEntry(
  { account, plan }: PlannedAccount,
  hasEntry: (id: string) => boolean,
): ListedHost[] {
  const reasons = [
    ...plan.skipped.map(({ instanceId, name, reason }) => ({ instanceId, name, reason })),
    ...plan.reached.map(({ node: { instanceId, name = null } }) => ({
      instanceId,
      name,
      reason: 'new, or left out by a flag: devaccess hosts sync',
    })),
  ];
  return reasons
    .filter(({ instanceId }) => !hasEntry(instanceId))
    .map(({ instanceId, name, reason }) => ({
      name: name ?? instanceId,
      instanceId,
      status: 'no-entry',
      reason,
      route: null,
      bastion: null,
      address: null,
      user: null,
      port: null,
      fleet: account.fleet ?? null,
      isFixed: false,
      profile: account.proxyProfile ?? null,
      region: account.region,
    }));
}

function nodeOf(id: string, { planned }: ReadAccounts): InventoryNode | undefined {
  for (const account of planned) {
    const node = account.nodeOf(id);
    if (node !== undefined) return node;
  }
  return undefined;
}
