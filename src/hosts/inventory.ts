import type { Instance } from '@aws-sdk/client-ec2';
import type { InstanceInformation } from '@aws-sdk/client-ssm';
import { DevaccessError } from '../platform/errors.ts';
import { isInstanceId, isPlainAddress } from './host.ts';
import type { InventoryNode } from './host.ts';

/** Where the inventory comes from: each gives all items of all pages, its errors already ours. */
export interface InventorySource {
  instances(): AsyncIterable<Instance>;
  managedNodes(): AsyncIterable<InstanceInformation>;
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

/**
 * Reads EC2 and SSM and merges them by instance id (8.1, 8.2). One of the two may be denied; the
 * rest then goes on without it, with a notice.
 *
 * @throws DevaccessError DA_ACCESS_DENIED when both are denied; any other error of a call
 */
export async function readInventory(source: InventorySource): Promise<Inventory> {
  const [instances, managed] = await Promise.all([
    collect(source.instances()),
    collect(source.managedNodes()),
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
  return {
    nodes: merged.nodes,
    notices: [...notices, ...merged.notices],
    knowsPingStatus: 'items' in managed,
    knowsInstances: known !== undefined,
  };
}

/**
 * Merges the two lists. `instances` undefined means EC2 could not be asked: nodes only SSM knows
 * are then kept, while otherwise they are terminated or out of sight.
 */
export function merge(
  instances: readonly Instance[] | undefined,
  managed: readonly InstanceInformation[],
): { nodes: InventoryNode[]; notices: string[] } {
  const agents = new Map(managed.map((agent) => [plain(agent.InstanceId) ?? '', agent]));
  const nodes: InventoryNode[] = [];
  const hidden: string[] = [];
  const seen = new Set<string>();
  for (const instance of instances ?? []) {
    const id = plain(instance.InstanceId) ?? '';
    if (!isInstanceId(id) || seen.has(id) || isGone(instance)) continue;
    seen.add(id);
    nodes.push(ec2Node(id, instance, agents.get(id)));
  }
  for (const [id, agent] of agents) {
    if (!isInstanceId(id) || seen.has(id)) continue;
    if (instances !== undefined && !id.startsWith('mi-')) hidden.push(id);
    else nodes.push(agentNode(id, agent));
  }
  nodes.sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
  hidden.sort();
  const shown = hidden.slice(0, 5).join(', ') + (hidden.length > 5 ? ', …' : '');
  const notices =
    hidden.length === 0
      ? []
      : [`SSM knows ${shown}, which EC2 does not show: terminated, or hidden from this profile`];
  return { nodes, notices };
}

function ec2Node(
  instanceId: string,
  instance: Instance,
  agent: InstanceInformation | undefined,
): InventoryNode {
  const tags = new Map(
    (instance.Tags ?? []).map(({ Key, Value }) => [plain(Key) ?? '', plain(Value) ?? '']),
  );
  const ipv6 = instance.NetworkInterfaces?.flatMap((card) => card.Ipv6Addresses ?? []);
  const address =
    instance.PrivateIpAddress ??
    instance.Ipv6Address ??
    ipv6?.find((ip) => ip.Ipv6Address)?.Ipv6Address;
  return {
    instanceId,
    name: plain(tags.get('Name')),
    tags,
    state: instance.State?.Name,
    vpcId: instance.VpcId,
    privateAddress: isPlainAddress(address ?? '') ? address : undefined,
    platformName: plain(agent?.PlatformName) ?? plain(instance.PlatformDetails),
    isWindows:
      agent?.PlatformType === undefined
        ? instance.Platform?.toLowerCase() === 'windows'
        : agent.PlatformType === 'Windows',
    pingStatus: plain(agent?.PingStatus),
    isHybrid: false,
  };
}

function agentNode(instanceId: string, agent: InstanceInformation): InventoryNode {
  const isHybrid = instanceId.startsWith('mi-');
  return {
    instanceId,
    name: isHybrid ? (plain(agent.Name) ?? plain(agent.ComputerName)?.split('.')[0]) : undefined,
    tags: new Map(),
    state: undefined,
    vpcId: undefined,
    privateAddress: undefined,
    platformName: plain(agent.PlatformName),
    isWindows: agent.PlatformType === 'Windows',
    pingStatus: plain(agent.PingStatus),
    isHybrid,
  };
}

/** Text that says something: the SDK hands on the JSON of SSM with whatever types it came with. */
function plain(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The filter asks for living ones only, but an instance may end between two pages. */
function isGone({ State }: Instance): boolean {
  return State?.Name === 'terminated' || State?.Name === 'shutting-down';
}

async function collect<T>(
  items: AsyncIterable<T>,
): Promise<{ items: T[] } | { denied: DevaccessError }> {
  const collected: T[] = [];
  try {
    for await (const item of items) collected.push(item);
  } catch (error) {
    if (error instanceof DevaccessError && error.code === 'DA_ACCESS_DENIED') {
      return { denied: error };
    }
    throw error;
  }
  return { items: collected };
}
