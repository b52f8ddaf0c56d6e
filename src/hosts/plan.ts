/** Which server gets which entry: a pure function from the inventory to the list of hosts. */
import { assignAliases } from './aliases.ts';
import type { Reserved } from './aliases.ts';
import { isOnline } from './host.ts';
import type { BastionRoute, HostEntry, InventoryNode, Route } from './host.ts';
import { hostPort, hostUser } from './host-user.ts';

export interface SkippedNode {
  instanceId: string;
  name: string | null;
  reason: string;
}

export interface HostPlan {
  entries: HostEntry[];
  skipped: SkippedNode[];
  /** Alias of the bastion. */
  bastionAlias: string;
}

export interface PlanOptions {
  /** How hosts behind the bastion are reached. */
  route: BastionRoute;
  /** User for every entry, instead of the rules. */
  user: string | undefined;
  /** Names other parts of the SSH config use. */
  reserved: Reserved;
}

/**
 * Entries for the bastion, for private hosts of its VPC (through it) and for other online nodes
 * (through their own agent); everything else is listed with the reason.
 */
export function planHosts(
  nodes: readonly InventoryNode[],
  bastion: InventoryNode,
  { route: bastionRoute, user, reserved }: PlanOptions,
): HostPlan {
  const reached: { node: InventoryNode; route: Route }[] = [];
  const skipped: SkippedNode[] = [];
  for (const node of nodes) {
    const way = routeTo(node, bastion, bastionRoute);
    if ('route' in way) reached.push({ node, route: way.route });
    else skipped.push({ instanceId: node.instanceId, name: node.name ?? null, reason: way.reason });
  }
  const aliases = assignAliases(
    reached.map(({ node }) => node),
    reserved,
  );
  const aliasOf = (node: InventoryNode): string => aliases.get(node.instanceId) ?? node.instanceId;
  const entries = reached.map(({ node, route }) => ({
    alias: aliasOf(node),
    instanceId: node.instanceId,
    route,
    hostName: route === 'direct' ? node.instanceId : (node.privateAddress ?? node.instanceId),
    user: hostUser(node, user),
    port: hostPort(node),
  }));
  return { entries, skipped, bastionAlias: aliasOf(bastion) };
}

function routeTo(
  node: InventoryNode,
  bastion: InventoryNode,
  bastionRoute: BastionRoute,
): { route: Route } | { reason: string } {
  if (node.instanceId === bastion.instanceId) return { route: 'direct' };
  if (node.isWindows) return { reason: 'Windows: reach it by RDP' };
  if (node.state !== undefined && node.state !== 'running') return { reason: node.state };
  const isBehindBastion = node.vpcId !== undefined && node.vpcId === bastion.vpcId;
  if (isBehindBastion && node.privateAddress !== undefined) return { route: bastionRoute };
  if (isOnline(node)) return { route: 'direct' };
  if (node.pingStatus !== undefined) {
    return { reason: `not online in Systems Manager (${node.pingStatus})` };
  }
  if (isBehindBastion) return { reason: 'no private address' };
  return { reason: "not in Systems Manager and not in the bastion's network" };
}
