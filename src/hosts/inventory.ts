import type { Instance } from '@aws-sdk/client-ec2';
import type { InstanceInformation } from '@aws-sdk/client-ssm';
import { DevaccessError } from '../platform/errors.ts';
import { limiter } from '../platform/limiter.ts';
import type { Limiter } from '../platform/limiter.ts';
import { isInstanceId, isPlainAddress } from './host.ts';
import type { InventoryNode } from './host.ts';
import { readHybridTags } from './hybrid-tags.ts';

/** Where the inventory comes from: each gives all items of all pages, its errors already ours. */
export interface InventorySource {
  instances(): AsyncIterable<Instance>;
  managedNodes(): AsyncIterable<InstanceInformation>;
  /** The tags of a hybrid node, which no list has; none where the source is about one tag. */
  hybridTags?(instanceId: string): Promise<ReadonlyMap<string, string>>;
}

export interface ReadOptions {
  /** Tags to keep, as a large account has many; by default all. */
  wantsTag?: (key: string) => boolean;
  /** Shared with other regions and accounts; by default up to 4 lists are read at a time. */
  limit?: Limiter;
  /** Told how much has come so far, once a page or so. */
  onProgress?: (count: { instances: number; managedNodes: number }) => void;
}

export interface Inventory {
  nodes: InventoryNode[];
  /** What is missing and why: the person lacks one of the two permissions, or sees less. */
  notices: string[];
  /** Whether SSM could be asked: otherwise nothing is known about who is online. */
  knowsPingStatus: boolean;
  /** Whether EC2 could be asked: otherwise an instance that is missing here need not be gone. */
  knowsInstances: boolean;
}

/** What SSM says of a node, as far as it plays a part. */
export interface AgentFacts {
  instanceId: string;
  /** Of hybrid nodes: what they registered with, else what the machine calls itself. */
  name: string | undefined;
  platformName: string | undefined;
  isWindows: boolean | undefined;
  pingStatus: string | undefined;
  agentVersion: string | undefined;
  isHybrid: boolean;
}

/** Calls of one account and region at a time (8.1). */
const AT_ONCE = 4;
const NO_TAGS: ReadonlyMap<string, string> = new Map();

/**
 * Reads EC2 and SSM and merges them by instance id (8.1, 8.2). One of the two may be denied; the
 * rest then goes on without it, with a notice. What is not needed is dropped while it comes in, so
 * that memory holds the nodes, not the answers.
 *
 * @throws DevaccessError DA_ACCESS_DENIED when both are denied; any other error of a call
 */
export async function readInventory(
  source: InventorySource,
  options: ReadOptions = {},
): Promise<Inventory> {
  const { wantsTag = () => true, limit = limiter(AT_ONCE), onProgress = () => undefined } = options;
  const count = { instances: 0, managedNodes: 0 };
  const [instances, managed] = await Promise.all([
    limit(() =>
      collect(source.instances(), (instance) => {
        count.instances += 1;
        onProgress(count);
        return ec2Node(instance, wantsTag);
      }),
    ),
    limit(() =>
      collect(source.managedNodes(), (node) => {
        count.managedNodes += 1;
        onProgress(count);
        return agentFacts(node);
      }),
    ),
  ]);
  if ('denied' in instances && 'denied' in managed) throw instances.denied;
  const notices: string[] = [];
  if ('denied' in instances) {
    notices.push(
      `EC2 could not be read, so names and private hosts are missing: ${instances.denied.message}`,
    );
  }
  if ('denied' in managed) {
    notices.push(
      `SSM could not be read, so it is unknown who is online: ${managed.denied.message}`,
    );
  }
  const known = 'items' in instances ? instances.items : undefined;
  const merged = merge(known, 'items' in managed ? managed.items : []);
  const hybrid = merged.nodes.filter(({ isHybrid }) => isHybrid);
  const withoutTags = await readHybridTags(hybrid, source, { wantsTag, limit });
  return {
    nodes: merged.nodes,
    notices: [...notices, ...merged.notices, ...withoutTags],
    knowsPingStatus: 'items' in managed,
    knowsInstances: known !== undefined,
  };
}

/**
 * Merges the two lists. `instances` undefined means EC2 could not be asked: nodes only SSM knows
 * are then kept, while otherwise they are terminated or out of sight.
 */
export function merge(
  instances: readonly InventoryNode[] | undefined,
  agents: readonly AgentFacts[],
): { nodes: InventoryNode[]; notices: string[] } {
  const byId = new Map(agents.map((agent) => [agent.instanceId, agent]));
  const nodes = new Map<string, InventoryNode>();
  for (const instance of instances ?? []) {
    if (nodes.has(instance.instanceId)) continue;
    const agent = byId.get(instance.instanceId);
    nodes.set(instance.instanceId, agent === undefined ? instance : withAgent(instance, agent));
  }
  const hidden: string[] = [];
  for (const agent of byId.values()) {
    const { instanceId, isHybrid } = agent;
    if (nodes.has(instanceId)) continue;
    if (instances !== undefined && !isHybrid) hidden.push(instanceId);
    else nodes.set(instanceId, agentNode(agent));
  }
  hidden.sort();
  const shown = hidden.slice(0, 5).join(', ') + (hidden.length > 5 ? ', …' : '');
  const notices =
    hidden.length === 0
      ? []
      : [`SSM knows ${shown}, which EC2 does not show: terminated, or hidden from this profile`];
  // Plain strings are sorted several times as fast as by a comparison of ours.
  const sorted = [...nodes.keys()].sort().flatMap((id) => nodes.get(id) ?? []);
  return { nodes: sorted, notices };
}

/** An instance as a node; undefined for one that is gone, or whose id has another form. */
export function ec2Node(
  instance: Instance,
  wantsTag: (key: string) => boolean,
): InventoryNode | undefined {
  const instanceId = plain(instance.InstanceId) ?? '';
  // The filter asks for living ones only, but an instance may end between two pages.
  const state = instance.State?.Name;
  if (!isInstanceId(instanceId) || state === 'terminated' || state === 'shutting-down') {
    return undefined;
  }
  let name: string | undefined;
  const tags = new Map<string, string>();
  for (const { Key, Value } of instance.Tags ?? []) {
    const key = plain(Key) ?? '';
    if (key === 'Name') name = plain(Value);
    if (wantsTag(key)) tags.set(key, plain(Value) ?? '');
  }
  const ipv6 = instance.NetworkInterfaces?.flatMap((card) => card.Ipv6Addresses ?? []);
  const address =
    instance.PrivateIpAddress ??
    instance.Ipv6Address ??
    ipv6?.find((ip) => ip.Ipv6Address)?.Ipv6Address;
  return {
    instanceId,
    name,
    tags: tags.size === 0 ? NO_TAGS : tags,
    state,
    vpcId: instance.VpcId,
    privateAddress: isPlainAddress(address ?? '') ? address : undefined,
    platformName: plain(instance.PlatformDetails),
    isWindows: instance.Platform?.toLowerCase() === 'windows',
    pingStatus: undefined,
    agentVersion: undefined,
    isHybrid: false,
  };
}

/** What SSM lists, as far as it plays a part; undefined where the id has another form. */
export function agentFacts(node: InstanceInformation): AgentFacts | undefined {
  const instanceId = plain(node.InstanceId) ?? '';
  if (!isInstanceId(instanceId)) return undefined;
  const isThing = node.SourceType === 'AWS::IoT::Thing';
  const isHybrid = instanceId.startsWith('mi-') || isThing;
  const machine = plain(node.ComputerName)?.split('.')[0];
  const name = plain(node.Name) ?? (isThing ? plain(node.SourceId) : undefined) ?? machine;
  return {
    instanceId,
    name: isHybrid ? name : undefined,
    platformName: plain(node.PlatformName),
    isWindows: node.PlatformType === undefined ? undefined : node.PlatformType === 'Windows',
    pingStatus: plain(node.PingStatus),
    agentVersion: plain(node.AgentVersion),
    isHybrid,
  };
}

function withAgent(instance: InventoryNode, agent: AgentFacts): InventoryNode {
  return {
    ...instance,
    platformName: agent.platformName ?? instance.platformName,
    isWindows: agent.isWindows ?? instance.isWindows,
    pingStatus: agent.pingStatus,
    agentVersion: agent.agentVersion,
  };
}

function agentNode(agent: AgentFacts): InventoryNode {
  return {
    ...agent,
    tags: NO_TAGS,
    state: undefined,
    vpcId: undefined,
    privateAddress: undefined,
    isWindows: agent.isWindows ?? false,
  };
}

/** Text that says something: the SDK hands on the JSON of SSM with whatever types it came with. */
function plain(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

async function collect<T, U>(
  items: AsyncIterable<T>,
  kept: (item: T) => U | undefined,
): Promise<{ items: U[] } | { denied: DevaccessError }> {
  const collected: U[] = [];
  try {
    for await (const item of items) {
      const facts = kept(item);
      if (facts !== undefined) collected.push(facts);
    }
  } catch (error) {
    if (error instanceof DevaccessError && error.code === 'DA_ACCESS_DENIED') {
      return { denied: error };
    }
    throw error;
  }
  return { items: collected };
}
