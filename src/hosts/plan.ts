/** Which server gets an entry, and by which way: a pure function of an inventory. */
import { guessBastions, noBastion } from './bastion.ts';
import type { Bastions } from './bastion.ts';
import type { FleetOptions } from './fleet.ts';
import type { DevaccessError } from '../platform/errors.ts';
import { isBehind, isOnline } from './host.ts';
import type { BastionRoute, InventoryNode } from './host.ts';
import { hasTag } from './host-user.ts';
import type { Inventory } from './inventory.ts';

export interface SkippedNode {
  instanceId: string;
  name: string | null;
  reason: string;
}

/** A server that gets an entry. */
export interface ReachedNode {
  node: InventoryNode;
  /** The bastion and how it is used; undefined for the server's own agent. */
  behind: { bastion: InventoryNode; route: BastionRoute } | undefined;
}

export interface RegionPlan {
  reached: ReachedNode[];
  skipped: SkippedNode[];
  /** Of those skipped: at rest, or without connection. They may come back. */
  absent: { node: InventoryNode; reason: string }[];
  /** Servers that the fleet's tags leave out. */
  filtered: number;
  notices: string[];
  /** Servers are there and none can be reached: what `noBastion` tells. */
  noBastion: DevaccessError | undefined;
}

type Way = { reached: ReachedNode } | { reason: string; isAbsent?: true };

/**
 * Plans one region: which servers are reached by their own agent, which through a bastion, and why
 * the others are not.
 *
 * @param named the bastions the person chose; undefined finds them where they are needed
 */
export function planRegion(
  inventory: Inventory,
  named: Bastions | undefined,
  options: FleetOptions,
): RegionPlan {
  const chosen = inventory.nodes.filter((node) =>
    [...options.tags].every(([key, patterns]) => hasTag(node, key, patterns)),
  );
  const usesBastions = options.route !== 'direct' && options.bastion !== 'none';
  const canGuess = usesBastions && named === undefined;
  const needing = chosen.filter(
    (node) =>
      (prefersBastion(options) || !isOnline(node)) &&
      obstacle(node, options) === undefined &&
      node.state !== undefined,
  );
  const bastions = named ?? (canGuess ? guessBastions(inventory, needing) : undefined);
  const context = { ...inventory, bastions: bastions?.nodes ?? [], options };
  const plan: RegionPlan = {
    reached: [],
    skipped: [],
    absent: [],
    filtered: inventory.nodes.length - chosen.length,
    notices: [...inventory.notices, ...(bastions?.notices ?? [])],
    noBastion: undefined,
  };
  for (const node of new Set([...chosen, ...context.bastions])) {
    const way = wayTo(node, context);
    if ('reached' in way) {
      plan.reached.push(way.reached);
      continue;
    }
    const { instanceId, name = null } = node;
    plan.skipped.push({ instanceId, name, reason: way.reason });
    if (way.isAbsent === true) plan.absent.push({ node, reason: way.reason });
  }
  const isOutOfReach = canGuess && plan.reached.length === 0 && needing.length > 0;
  return isOutOfReach ? { ...plan, noBastion: noBastion(inventory) } : plan;
}

interface WayContext extends Inventory {
  bastions: readonly InventoryNode[];
  options: FleetOptions;
}

function wayTo(node: InventoryNode, context: WayContext): Way {
  const { bastions, options } = context;
  if (bastions.includes(node)) return { reached: { node, behind: undefined } };
  const bastion = bastions.find((candidate) => isBehind(node, candidate));
  const reason = obstacle(node, options);
  if (reason === 'windows') return { reason: windowsReason(node, bastion) };
  if (reason !== undefined) return { reason, isAbsent: true };
  if (bastion !== undefined && (prefersBastion(options) || !isOnline(node))) {
    const route = options.route === 'remote-host' ? 'remote-host' : 'jump';
    return { reached: { node, behind: { bastion, route } } };
  }
  if (isOnline(node) || options.all) return { reached: { node, behind: undefined } };
  return whyUnreachable(node, context);
}

/** Some accounts allow sessions on the bastion alone. */
function prefersBastion({ route }: FleetOptions): boolean {
  return route === 'jump' || route === 'remote-host';
}

/** What keeps a server from having an entry, whatever the way; `windows` for being one. */
function obstacle(node: InventoryNode, { windowsSsh, states }: FleetOptions): string | undefined {
  if (node.isWindows && !windowsSsh) return 'windows';
  if (node.state !== undefined && !states.includes(node.state)) return node.state;
  return undefined;
}

function windowsReason(node: InventoryNode, bastion: InventoryNode | undefined): string {
  const rdp = 'Windows: reach it by RDP';
  if (node.state !== undefined && node.state !== 'running') return `${rdp} (${node.state})`;
  if (isOnline(node)) return `${rdp}, devaccess forward ${node.instanceId} 13389:3389`;
  if (bastion === undefined) return rdp;
  const { privateAddress = '' } = node;
  return `${rdp}, devaccess forward ${bastion.instanceId} 13389:3389 --host ${privateAddress}`;
}

function whyUnreachable(node: InventoryNode, context: WayContext): Way {
  const { bastions, knowsPingStatus, options } = context;
  if (node.pingStatus !== undefined) {
    return { reason: `not online in Systems Manager (${node.pingStatus})`, isAbsent: true };
  }
  if (!knowsPingStatus) {
    return { reason: 'it is unknown whether its agent is online; --all gives it an entry' };
  }
  if (bastions.some(({ vpcId }) => vpcId !== undefined && vpcId === node.vpcId)) {
    return { reason: 'no private address' };
  }
  if (options.route === 'direct' || options.bastion === 'none') {
    return { reason: 'not in Systems Manager' };
  }
  return {
    reason:
      bastions.length === 0
        ? 'not in Systems Manager, and no bastion is in its network'
        : "not in Systems Manager and not in the bastion's network",
  };
}
