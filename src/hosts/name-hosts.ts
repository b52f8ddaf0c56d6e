/** From planned servers to entries with names. */
import { printable } from '../platform/errors.ts';
import { wantedAlias } from './alias-name.ts';
import { assignAliases } from './aliases.ts';
import type { KeptHost } from './aliases.ts';
import { nodeList } from './host.ts';
import type { HostEntry } from './host.ts';
import { hostPort, hostUser } from './host-user.ts';
import type { ReachedNode, SkippedNode } from './plan.ts';
import type { PlannedAccount, SyncAccount } from './read-accounts.ts';
import type { ReservedNames } from './taken-names.ts';

export interface NamedAccount {
  account: SyncAccount;
  /** In the order of the text. */
  entries: HostEntry[];
  comments: string[];
  skipped: SkippedNode[];
  filtered: number;
  notices: string[];
}

type Planned = Pick<PlannedAccount, 'account' | 'plan'>;

/**
 * Names the servers of all accounts together, so that no two of them share an alias, whichever
 * accounts they are of. A server that several fleets have is the first one's.
 */
export function nameHosts(
  planned: readonly Planned[],
  taken: { reserved: ReservedNames; kept: readonly KeptHost[] },
): NamedAccount[] {
  const owners = new Map<string, SyncAccount>();
  for (const { account, plan } of planned) {
    for (const { node } of plan.reached) {
      if (!owners.has(node.instanceId)) owners.set(node.instanceId, account);
    }
  }
  const isOwn = (account: SyncAccount, id: string): boolean => owners.get(id) === account;
  const servers = planned.flatMap(({ account, plan }) =>
    plan.reached
      .filter(({ node }) => isOwn(account, node.instanceId))
      .map(({ node }) => ({
        instanceId: node.instanceId,
        wanted: wantedAlias(node, account, account.options.alias),
      })),
  );
  const aliases = assignAliases(servers, taken);
  const aliasOf = (id: string): string => aliases.get(id) ?? id;
  return planned.map(({ account, plan }) => {
    const own = plan.reached.filter(({ node }) => isOwn(account, node.instanceId));
    const others = plan.reached.filter(({ node }) => !isOwn(account, node.instanceId));
    return {
      account,
      entries: sorted(own.map((reached) => entryOf(reached, account, aliasOf))),
      comments: commentsOf({ account, plan }),
      skipped: plan.skipped,
      filtered: plan.filtered,
      notices: [
        ...plan.notices,
        ...(others.length === 0
          ? []
          : [overlap(others, owners.get(others[0]?.node.instanceId ?? ''))]),
      ],
    };
  });
}

/** Entries by alias, then id: a list that is stable whatever order AWS answers in. */
export function sorted<Entry extends Pick<HostEntry, 'alias' | 'instanceId'>>(
  entries: readonly Entry[],
): Entry[] {
  return entries.toSorted((one, other) => {
    if (one.alias !== other.alias) return one.alias < other.alias ? -1 : 1;
    return one.instanceId < other.instanceId ? -1 : 1;
  });
}

function entryOf(
  { node, behind }: ReachedNode,
  { options }: SyncAccount,
  aliasOf: (id: string) => string,
): HostEntry {
  const { instanceId, privateAddress } = node;
  return {
    alias: aliasOf(instanceId),
    instanceId,
    route: behind?.route ?? 'direct',
    hostName: behind === undefined ? instanceId : (privateAddress ?? instanceId),
    user: hostUser(node, options),
    port: hostPort(node, options.port),
    bastion:
      behind === undefined
        ? undefined
        : { alias: aliasOf(behind.bastion.instanceId), instanceId: behind.bastion.instanceId },
  };
}

/** Nothing but names that could be aliases, ids, and words of AWS without control characters. */
function commentsOf({ account, plan }: Planned): string[] {
  if (!account.options.includeStopped) return [];
  return plan.absent
    .map(({ node, reason }) => {
      const name = wantedAlias(node, account, account.options.alias);
      const who = name === undefined ? node.instanceId : `${name} ${node.instanceId}`;
      return printable(`${who}: ${reason}`);
    })
    .sort();
}

function overlap(others: readonly ReachedNode[], owner: SyncAccount | undefined): string {
  const nodes = others.map(({ node }) => node);
  const title = owner?.fleet === undefined ? 'another account' : `fleet ${owner.fleet}`;
  return `${nodeList(nodes)}: the entry is that of ${title}`;
}
