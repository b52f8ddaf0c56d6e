import { DevaccessError, EXIT } from '../platform/errors.ts';
import { isInstanceId, isOnline, nodeLabel, nodeList } from './host.ts';
import type { InventoryNode } from './host.ts';
import type { Inventory } from './inventory.ts';
import { parseTag } from './tag.ts';

const LOOKS_LIKE_BASTION = /bastion|jump/i;

/**
 * The node private hosts are reached through: the one asked for by id or `tag:KEY=VALUE`, else the
 * only online node named like a bastion, else the only online one.
 *
 * @throws DevaccessError DA_BASTION_NOT_FOUND, DA_BASTION_AMBIGUOUS, DA_BASTION_OFFLINE,
 *   DA_USAGE for a selector of no known form
 */
export function chooseBastion(inventory: Inventory, selector: string | undefined): InventoryNode {
  return selector === undefined ? guess(inventory) : select(inventory, selector);
}

function select(inventory: Inventory, selector: string): InventoryNode {
  const matching = inventory.nodes.filter(matcher(selector));
  const online = matching.filter(isOnline);
  const [only] = online.length > 0 ? online : matching;
  if (only === undefined) {
    throw notFound(`No instance matches --bastion ${selector}`, inventory);
  }
  if (online.length > 1 || (online.length === 0 && matching.length > 1)) {
    const several = online.length > 1 ? online : matching;
    throw ambiguous(`Several nodes match --bastion ${selector}`, several);
  }
  // Without SSM nothing is known about it; the notice of the inventory says so.
  if (inventory.knowsPingStatus && !isOnline(only)) throw offline(only);
  return only;
}

function matcher(selector: string): (node: InventoryNode) => boolean {
  if (isInstanceId(selector)) return (node) => node.instanceId === selector;
  const tag = parseTag(selector);
  if (tag !== undefined) return (node) => node.tags.get(tag.key) === tag.value;
  throw new DevaccessError('DA_USAGE', `'${selector}' does not name a bastion`, {
    next: 'give an instance id, or tag:KEY=VALUE',
    exitCode: EXIT.usage,
  });
}

function guess(inventory: Inventory): InventoryNode {
  const online = inventory.nodes.filter((node) => isOnline(node) && !node.isWindows);
  const named = online.filter((node) => !node.isHybrid && LOOKS_LIKE_BASTION.test(node.name ?? ''));
  const candidates = named.length > 0 ? named : online;
  const [only, ...others] = candidates;
  if (only === undefined) {
    const sleeping = inventory.nodes.find((node) => LOOKS_LIKE_BASTION.test(node.name ?? ''));
    if (sleeping?.pingStatus !== undefined) throw offline(sleeping);
    throw notFound('No node is online in Systems Manager', inventory);
  }
  if (others.length > 0) {
    throw ambiguous('Several nodes could be the bastion', candidates);
  }
  return only;
}

function notFound(message: string, inventory: Inventory): DevaccessError {
  const online = inventory.nodes.filter(isOnline);
  const known = online.length === 0 ? '' : `; online: ${nodeList(online)}`;
  return new DevaccessError('DA_BASTION_NOT_FOUND', `${message}${known}`, {
    next: 'check --region and --profile, or name one with --bastion',
  });
}

function ambiguous(message: string, candidates: readonly InventoryNode[]): DevaccessError {
  return new DevaccessError('DA_BASTION_AMBIGUOUS', `${message}: ${nodeList(candidates)}`, {
    next: `choose one, such as --bastion ${candidates[0]?.instanceId ?? ''}`,
  });
}

function offline(node: InventoryNode): DevaccessError {
  const status = node.pingStatus ?? `not registered; instance ${node.state ?? 'unknown'}`;
  return new DevaccessError(
    'DA_BASTION_OFFLINE',
    `The bastion ${nodeLabel(node)} is not online in Systems Manager (${status})`,
    { next: 'start it, or check its SSM agent, instance profile and way to the SSM endpoint' },
  );
}
