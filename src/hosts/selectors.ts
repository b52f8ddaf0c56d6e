/** Hosts as people name them on a command line, and how each is reached. */
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { isOnline, nodeLabel, nodeList } from './host.ts';
import type { InventoryNode } from './host.ts';
import { readInventory } from './inventory.ts';
import type { TaggedSource } from './inventory-source.ts';
import { reachHost } from './synced-hosts.ts';
import type { Reach, SyncedHost } from './synced-hosts.ts';
import { parseTag } from './tag.ts';
import type { Tag } from './tag.ts';

/** Where tags are looked up; names and ids need nothing of it. */
export interface TagAccount {
  source: TaggedSource;
  /** Undefined leaves it to the environment. */
  profile: string | undefined;
  region: string;
  /** About the choice of the account. */
  notices: readonly string[];
}

export interface SelectorWorld {
  /** What `readSyncedHosts` gives. */
  syncedHosts: readonly SyncedHost[];
  /** Called for a tag only. */
  tagAccount: (tag: Tag) => Promise<TagAccount>;
}

/** A host and the way to it. */
export interface SelectedHost {
  /** For people: the alias, the tag `Name`, or the id. Untrusted text. */
  name: string;
  instanceId: string;
  reach: Reach;
}

/** What a selector stands for. */
export interface Selection {
  /** At least one. */
  hosts: SelectedHost[];
  /** Nodes that carry the tag and cannot be reached now. */
  unreachable: { name: string; instanceId: string; why: string }[];
  /** What could not be asked, or is hidden. */
  notices: string[];
}

/**
 * The one host that a synced name, an instance id or `tag:KEY=VALUE` stands for. Of several nodes
 * with a tag those that cannot be reached do not count.
 *
 * @throws DevaccessError DA_HOST_UNKNOWN, DA_HOST_AMBIGUOUS (exit 2), and those of {@link selectHosts}
 */
export async function selectHost(selector: string, world: SelectorWorld): Promise<SelectedHost> {
  const { hosts } = await selectHosts(selector, world);
  const [only, ...others] = hosts;
  if (only !== undefined && others.length === 0) return only;
  const candidates = hosts.slice(0, 10).map(({ name, instanceId }) => label(name, instanceId));
  const more = hosts.length > 10 ? ` and ${hosts.length - 10} more` : '';
  throw new DevaccessError(
    'DA_HOST_AMBIGUOUS',
    `${selector} is more than one host: ${candidates.join(', ')}${more}`,
    { next: `use an id, such as ${only?.instanceId ?? ''}`, exitCode: EXIT.usage },
  );
}

/**
 * Every host that a selector stands for: all reachable nodes with a tag, or the one with a name or
 * an id. A node that is not online itself is reached as it was synced, through its bastion.
 *
 * @throws DevaccessError DA_HOST_UNKNOWN, DA_HOST_AMBIGUOUS, DA_USAGE (exit 2), DA_HOST_NOT_FOUND
 *   for a tag that no node carries, DA_HOST_OFFLINE where none of them can be reached, and those of
 *   the calls
 */
export async function selectHosts(selector: string, world: SelectorWorld): Promise<Selection> {
  if (!selector.startsWith('tag:')) {
    const reach = reachHost(selector, world.syncedHosts);
    const synced = world.syncedHosts.find(({ alias }) => alias === selector);
    const instanceId = synced?.instanceId ?? selector;
    return { hosts: [{ name: selector, instanceId, reach }], unreachable: [], notices: [] };
  }
  const tag = readTag(selector);
  const account = await world.tagAccount(tag);
  const { nodes, notices } = await taggedNodes(account.source);
  const hosts: SelectedHost[] = [];
  const unreachable: InventoryNode[] = [];
  for (const node of nodes) {
    const reach = reachNode(node, account, world.syncedHosts);
    if (reach === undefined) unreachable.push(node);
    else hosts.push({ name: node.name ?? node.instanceId, instanceId: node.instanceId, reach });
  }
  if (nodes.length === 0) throw notFound(selector, account, notices);
  if (hosts.length === 0) throw offline(selector, unreachable);
  return {
    hosts,
    unreachable: unreachable.map((node) => ({
      name: node.name ?? node.instanceId,
      instanceId: node.instanceId,
      why: whyUnreachable(node),
    })),
    notices: [...account.notices, ...notices],
  };
}

/** Hosts whose agents are to be used, each once. */
export interface AgentSelection {
  hosts: SelectedHost[];
  /** Meant as well, but without an agent that could be used now. */
  refused: { name: string; instanceId: string; error: DevaccessError }[];
  notices: string[];
}

/** Of nodes in these states nobody expects an answer. */
const AT_REST = new Set(['stopping', 'stopped', 'shutting-down', 'terminated']);

/**
 * Every host that any of several selectors stands for. What a tag means beyond what can be used now
 * is told of: machines at rest as a notice, others as refused.
 *
 * @throws DevaccessError DA_NO_AGENT for a host named itself, and those of {@link selectHosts}
 */
export async function selectAgents(
  selectors: readonly string[],
  world: SelectorWorld,
): Promise<AgentSelection> {
  const hosts = new Map<string, SelectedHost>();
  const refused = new Map<string, AgentSelection['refused'][number]>();
  const notices = new Set<string>();
  for (const selector of selectors) {
    const selection = await selectHosts(selector, world);
    for (const notice of selection.notices) notices.add(notice);
    for (const host of selection.hosts) {
      const { name, instanceId } = host;
      try {
        requireAgent(host);
        if (!hosts.has(instanceId)) hosts.set(instanceId, host);
      } catch (error) {
        if (!selector.startsWith('tag:') || !(error instanceof DevaccessError)) throw error;
        refused.set(instanceId, { name, instanceId, error });
      }
    }
    for (const { name, instanceId, why } of selection.unreachable) {
      if (AT_REST.has(why)) notices.add(`left out ${label(name, instanceId)}: ${why}`);
      else
        refused.set(instanceId, { name, instanceId, error: notReachable(name, instanceId, why) });
    }
  }
  return { hosts: [...hosts.values()], refused: [...refused.values()], notices: [...notices] };
}

function notReachable(name: string, instanceId: string, why: string): DevaccessError {
  return new DevaccessError(
    'DA_TARGET_NOT_CONNECTED',
    `${label(name, instanceId)} is not connected to Systems Manager: ${why}`,
    { next: 'check that it runs and that its SSM agent is online' },
  );
}

/**
 * The way to a host's own agent.
 *
 * @throws DevaccessError DA_NO_AGENT (exit 2) for one that is reached through a bastion
 */
export function requireAgent({ name, reach }: SelectedHost): Reach {
  if (reach.remoteHost === undefined) return reach;
  throw new DevaccessError(
    'DA_NO_AGENT',
    `${name} is reached through ${reach.target} and has no agent of Systems Manager itself`,
    { next: `use ssh, which goes through the bastion: ssh ${name}`, exitCode: EXIT.usage },
  );
}

function readTag(selector: string): Tag {
  const tag = parseTag(selector);
  if (tag !== undefined && tag.value !== '') return tag;
  throw new DevaccessError('DA_USAGE', `'${selector}' does not name a tag`, {
    next: 'write tag:KEY=VALUE',
    exitCode: EXIT.usage,
  });
}

/** Nodes with a tag; what SSM says of those that its own search by tag did not find is asked too. */
async function taggedNodes(
  source: TaggedSource,
): Promise<{ nodes: InventoryNode[]; notices: string[] }> {
  const inventory = await readInventory(source);
  const silent = inventory.nodes.filter(
    ({ pingStatus, state }) => pingStatus === undefined && state === 'running',
  );
  if (silent.length > 0 && inventory.knowsPingStatus) {
    const ids = silent.map(({ instanceId }) => instanceId);
    for await (const { InstanceId, PingStatus } of source.managedNodesById(ids)) {
      const node = silent.find(({ instanceId }) => instanceId === InstanceId);
      if (node !== undefined && typeof PingStatus === 'string') node.pingStatus = PingStatus;
    }
  }
  return { nodes: inventory.nodes, notices: inventory.notices };
}

function reachNode(
  node: InventoryNode,
  { profile, region }: TagAccount,
  syncedHosts: readonly SyncedHost[],
): Reach | undefined {
  if (isOnline(node)) return { target: node.instanceId, remoteHost: undefined, profile, region };
  const isRunning = node.state === 'running';
  const synced = syncedHosts.find(({ instanceId }) => instanceId === node.instanceId);
  if (!isRunning || synced?.behind === undefined) return undefined;
  return reachHost(node.instanceId, syncedHosts);
}

function whyUnreachable({ pingStatus, state }: InventoryNode): string {
  if (state !== undefined && state !== 'running') return state;
  return pingStatus === undefined ? 'not in Systems Manager' : `agent ${pingStatus}`;
}

function notFound(
  selector: string,
  { region }: TagAccount,
  notices: readonly string[],
): DevaccessError {
  const known = notices.length === 0 ? '' : `; ${notices.join('; ')}`;
  return new DevaccessError(
    'DA_HOST_NOT_FOUND',
    `No node in ${region} has the tag ${selector.slice('tag:'.length)}${known}`,
    { next: 'check key and value (case counts), --region and --profile' },
  );
}

function offline(selector: string, nodes: readonly InventoryNode[]): DevaccessError {
  const [only] = nodes;
  const who =
    only !== undefined && nodes.length === 1
      ? `${nodeLabel(only)} is ${whyUnreachable(only)}`
      : `none of ${nodeList(nodes)} is online`;
  return new DevaccessError('DA_HOST_OFFLINE', `${selector} cannot be reached: ${who}`, {
    next: "start it or check its SSM agent; 'devaccess hosts sync' makes hosts behind a bastion known",
  });
}

function label(name: string, instanceId: string): string {
  return name === instanceId ? instanceId : `${name} (${instanceId})`;
}
