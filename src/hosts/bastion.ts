import { DevaccessError, EXIT } from '../platform/errors.ts';
import { isInstanceId, isOnline, nodeLabel, nodeList, tagValue } from './host.ts';
import type { InventoryNode } from './host.ts';
import type { Inventory } from './inventory.ts';
import { parseTag } from './tag.ts';

/** The servers others are reached through. */
export interface Bastions {
  /** At most one of each network. */
  nodes: readonly InventoryNode[];
  /** What the person should know about them. */
  notices: string[];
}

const NO_BASTION: Bastions = { nodes: [], notices: [] };
const LOOKS_LIKE_BASTION = /bastion|jump/i;

/**
 * The bastions that the person named by id or `tag:KEY=VALUE`; a tag may be on one of each network.
 * Undefined where none of this region is meant: in another there may be.
 *
 * @throws DevaccessError DA_BASTION_AMBIGUOUS, DA_BASTION_OFFLINE,
 *   DA_USAGE for a selector of no known form
 */
export function namedBastions(inventory: Inventory, selector: string): Bastions | undefined {
  const matching = inventory.nodes.filter(matcher(selector));
  if (matching.length === 0) return undefined;
  const online = matching.filter(isOnline);
  const usable = online.length > 0 || inventory.knowsPingStatus ? online : matching;
  const [first] = matching;
  if (usable.length === 0 && first !== undefined) {
    if (matching.length > 1) {
      throw ambiguous(`Several nodes match --bastion ${selector}, none online`, matching);
    }
    throw offline(first);
  }
  const byNetwork = new Map<string | undefined, InventoryNode[]>();
  for (const node of usable) {
    const others = byNetwork.get(node.vpcId);
    if (others === undefined) byNetwork.set(node.vpcId, [node]);
    else others.push(node);
  }
  for (const several of byNetwork.values()) {
    if (several.length > 1) throw ambiguous(`Several nodes match --bastion ${selector}`, several);
  }
  return { nodes: usable, notices: [] };
}

/** No node of the regions that were read is the bastion that was named. */
export function bastionNotFound(
  selector: string,
  inventories: readonly Inventory[],
): DevaccessError {
  const nodes = inventories.flatMap((inventory) => inventory.nodes);
  return notFound(`No instance matches --bastion ${selector}`, nodes);
}

/**
 * Finds bastions by themselves, for the networks of servers that need one: the only online node of
 * the network that is named like a bastion, else the only online one. Where several could be meant
 * none is, with a notice.
 *
 * @param needing servers without an agent of their own that is online
 */
export function guessBastions(inventory: Inventory, needing: readonly InventoryNode[]): Bastions {
  const networks = new Set(needing.flatMap(({ vpcId }) => (vpcId === undefined ? [] : [vpcId])));
  if (networks.size === 0) return NO_BASTION;
  const nodes: InventoryNode[] = [];
  const notices: string[] = [];
  for (const network of networks) {
    const inside = inventory.nodes.filter(
      (node) => node.vpcId === network && node.state === 'running' && !node.isWindows,
    );
    const [choice, notice] = guess(inside, inventory.knowsPingStatus);
    if (choice !== undefined) nodes.push(choice);
    if (notice !== undefined) notices.push(notice);
  }
  return { nodes, notices };
}

/**
 * Why nothing at all could be reached where a bastion would have helped.
 *
 * @returns DA_BASTION_AMBIGUOUS, DA_BASTION_OFFLINE or DA_BASTION_NOT_FOUND; DA_ACCESS_DENIED where
 *   Systems Manager did not tell who is online
 */
export function noBastion({ nodes, knowsPingStatus }: Inventory): DevaccessError {
  if (!knowsPingStatus) {
    return new DevaccessError(
      'DA_ACCESS_DENIED',
      'Systems Manager may not be asked who is online',
      {
        next: 'allow ssm:DescribeInstanceInformation, or give all servers an entry: --all',
      },
    );
  }
  const online = nodes.filter((node) => isOnline(node) && !node.isWindows);
  if (online.length > 1) return ambiguous('Several nodes could be the bastion', online);
  const sleeping = nodes.find(({ name }) => LOOKS_LIKE_BASTION.test(name ?? ''));
  if (sleeping?.pingStatus !== undefined) return offline(sleeping);
  return notFound('No node is online in Systems Manager', nodes);
}

/** What a wrong region or profile looks like. */
export function nothingThere(): DevaccessError {
  return notFound('No node is online in Systems Manager', []);
}

/**
 * Refuses what can name no bastion.
 *
 * @throws DevaccessError DA_USAGE
 */
export function checkBastion(selector: string): void {
  if (selector !== 'none') matcher(selector);
}

function guess(
  inside: readonly InventoryNode[],
  knowsPingStatus: boolean,
): [choice: InventoryNode | undefined, notice: string | undefined] {
  const named = inside.filter(({ name }) => LOOKS_LIKE_BASTION.test(name ?? ''));
  const isUsable = knowsPingStatus ? isOnline : (node: InventoryNode) => named.includes(node);
  const online = inside.filter(isUsable);
  const namedOnline = named.filter(isUsable);
  const candidates = namedOnline.length > 0 ? namedOnline : online;
  const [only] = candidates;
  if (candidates.length === 1) return [only, undefined];
  if (candidates.length > 1) {
    const several = nodeList(candidates);
    return [undefined, `several nodes could be the bastion: ${several}; choose one with --bastion`];
  }
  const [sleeping] = named.filter(({ pingStatus }) => pingStatus !== undefined);
  if (sleeping === undefined) return [undefined, undefined];
  const status = sleeping.pingStatus ?? '';
  return [sleeping, `the bastion ${nodeLabel(sleeping)} is not online now (${status})`];
}

function matcher(selector: string): (node: InventoryNode) => boolean {
  if (isInstanceId(selector)) return (node) => node.instanceId === selector;
  const tag = parseTag(selector);
  if (tag !== undefined) {
    return (node) => tagValue(node, tag.key) === tag.value;
  }
  throw new DevaccessError('DA_USAGE', `'${selector}' does not name a bastion`, {
    next: 'give an instance id, tag:KEY=VALUE, or none',
    exitCode: EXIT.usage,
  });
}

function notFound(message: string, nodes: readonly InventoryNode[]): DevaccessError {
  const online = nodes.filter(isOnline);
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
