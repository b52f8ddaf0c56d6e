import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';
import type { NodeApi } from '../node-api.ts';
import { findNodes, isNodeId } from '../node-list.ts';
import type { HybridNode } from '../node-list.ts';
import type { NodeTag } from '../node-tag.ts';

/**
 * The nodes that are meant: those of the ids, or those with all of the tags. Ids that are no node are
 * refused before anything is sent.
 *
 * @throws DevaccessError DA_USAGE, DA_NODE_UNKNOWN, DA_NO_TARGETS
 */
export async function findTargets(
  api: NodeApi,
  { ids, tags }: { ids: readonly string[]; tags: readonly NodeTag[] },
  nowMs: number,
): Promise<HybridNode[]> {
  const wrong = ids.find((id) => !isNodeId(id));
  if (wrong !== undefined) {
    throw new DevaccessError('DA_USAGE', `'${printable(wrong)}' is not the id of a hybrid node`, {
      next: 'give ids as devaccess nodes list shows them: mi- and 17 hex digits',
      exitCode: EXIT.usage,
    });
  }
  const found = await findNodes(api, tags, nowMs);
  const nodes = ids.length === 0 ? found : found.filter((node) => ids.includes(node.instanceId));
  const missing = ids.filter((id) => !nodes.some(({ instanceId }) => instanceId === id));
  if (missing.length > 0) {
    throw new DevaccessError(
      'DA_NODE_UNKNOWN',
      `There is no hybrid node ${missing.slice(0, 5).join(', ')} in ${api.region}`,
      { next: 'see devaccess nodes list; check the region and the profile' },
    );
  }
  if (nodes.length > 0) return nodes;
  throw new DevaccessError('DA_NO_TARGETS', `No hybrid node in ${api.region} has these tags`, {
    next: 'see devaccess nodes list; check tags, region and profile',
  });
}
