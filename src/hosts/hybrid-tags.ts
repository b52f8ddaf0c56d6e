import { DevaccessError } from '../platform/errors.ts';
import type { Limiter } from '../platform/limiter.ts';
import type { InventoryNode } from './host.ts';

interface TagSource {
  hybridTags?(instanceId: string): Promise<ReadonlyMap<string, string>>;
}

interface TagOptions {
  wantsTag: (key: string) => boolean;
  limit: Limiter;
}

/**
 * Gives hybrid nodes their tags, which take a call each (8.2). Who may not ask goes without them.
 *
 * @returns notices
 * @throws DevaccessError any error of a call but DA_ACCESS_DENIED
 */
export async function readHybridTags(
  nodes: readonly InventoryNode[],
  source: TagSource,
  { wantsTag, limit }: TagOptions,
): Promise<string[]> {
  let denied: DevaccessError | undefined;
  await Promise.all(
    nodes.map((node) =>
      limit(async () => {
        if (denied !== undefined) return;
        try {
          // An instance's Name is known from EC2; a hybrid node's may be in its tags alone.
          const tags = (await source.hybridTags?.(node.instanceId)) ?? new Map<string, string>();
          node.tags = new Map([...tags].filter(([key]) => key === 'Name' || wantsTag(key)));
        } catch (error) {
          if (!(error instanceof DevaccessError) || error.code !== 'DA_ACCESS_DENIED') throw error;
          denied = error;
        }
      }),
    ),
  );
  if (denied === undefined) return [];
  return [`Tags of hybrid nodes could not be read: ${denied.message}`];
}
