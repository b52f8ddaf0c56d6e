import { DevaccessError, EXIT } from '../platform/errors.ts';
import { forEach, itemError } from './node-api.ts';
import type { ItemError, NodeApi } from './node-api.ts';
import { findNodes, isNodeId } from './node-list.ts';
import type { HybridNode } from './node-list.ts';
import type { NodeTag } from './node-tag.ts';

export interface DeregistrationPlan {
  nodes: HybridNode[];
  /** Ids that were asked for, and of which there is no node. */
  unknown: string[];
}

export interface DeregisteredNode {
  instanceId: string;
  name: string | null;
  deregistered: boolean;
  error: ItemError | null;
}

/**
 * The nodes that are meant: those of the ids, or those with all of the tags.
 *
 * @throws DevaccessError DA_USAGE for ids of other things; DA_NODE_UNKNOWN when no node is meant
 */
export async function planDeregistration(
  api: NodeApi,
  { ids, tags }: { ids: readonly string[]; tags: readonly NodeTag[] },
  nowMs: number,
): Promise<DeregistrationPlan> {
  const wrong = ids.find((id) => !isNodeId(id));
  if (wrong !== undefined) {
    throw new DevaccessError('DA_USAGE', `'${wrong}' is not the id of a hybrid node`, {
      next: 'give ids as devaccess nodes list shows them: mi- and 17 hex digits',
      exitCode: EXIT.usage,
    });
  }
  const found = await findNodes(api, tags, nowMs);
  const nodes =
    tags.length > 0 ? found : found.filter(({ instanceId }) => ids.includes(instanceId));
  const unknown = [...new Set(ids)].filter((id) => !nodes.some((node) => node.instanceId === id));
  if (nodes.length === 0) throw unknownNode(unknown, api.region);
  return { nodes, unknown };
}

/**
 * Deregisters the nodes of a plan, each for itself.
 *
 * @param stop once aborted, no further node is begun
 */
export async function deregisterNodes(
  api: NodeApi,
  { nodes, unknown }: DeregistrationPlan,
  stop: AbortSignal,
): Promise<DeregisteredNode[]> {
  const { DeregisterManagedInstanceCommand } = await import('./ssm-commands.ts');
  const missing = unknown.map((instanceId) => ({
    instanceId,
    name: null,
    deregistered: false,
    error: itemError(unknownNode([instanceId], api.region)),
  }));
  const done = await forEach(nodes, async ({ instanceId, name }) => {
    if (stop.aborted) {
      return { instanceId, name, deregistered: false, error: itemError(notBegun(instanceId)) };
    }
    try {
      await api.call(
        'DeregisterManagedInstance',
        (client) => client.send(new DeregisterManagedInstanceCommand({ InstanceId: instanceId })),
        (error) =>
          error.name === 'InvalidInstanceId' ? unknownNode([instanceId], api.region) : undefined,
      );
      return { instanceId, name, deregistered: true, error: null };
    } catch (error) {
      return { instanceId, name, deregistered: false, error: itemError(error) };
    }
  });
  return [...done, ...missing];
}

function unknownNode(ids: readonly string[], region: string): DevaccessError {
  const which = ids.length === 0 ? 'with these tags' : ids.join(', ');
  return new DevaccessError('DA_NODE_UNKNOWN', `There is no hybrid node ${which} in ${region}`, {
    next: 'see devaccess nodes list; check the region and the profile',
  });
}

function notBegun(instanceId: string): DevaccessError {
  return new DevaccessError('DA_CANCELLED', `${instanceId} was left as it is`, {
    next: 'run the same command again',
  });
}
