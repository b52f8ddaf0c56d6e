import type { ManagedNode } from '../account.ts';
import type { HybridNodes } from '../hybrid-nodes.ts';
import type { JsonInput } from '../http/json-input.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import { ServiceError } from '../service-error.ts';

const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const TAG_KEY = { min: 1, max: 128, pattern: TAG_TEXT } as const;
const MAX_TAGS = 50;
const RESOURCE_TYPES = [
  'Document',
  'ManagedInstance',
  'MaintenanceWindow',
  'Parameter',
  'PatchBaseline',
  'OpsItem',
  'OpsMetadata',
  'Automation',
  'Association',
];

/** AddTagsToResource, ListTagsForResource and RemoveTagsFromResource of hybrid nodes. */
export function tagOperations(hybridNodes: HybridNodes): Record<string, JsonOperation> {
  return {
    AddTagsToResource: (input, { region }) => {
      const resource = readResource(input);
      const added = readTags(input);
      if (!input.has('Tags')) input.constraints.missing('Tags');
      input.check();
      const node = resourceNode(resource, hybridNodes, region);
      const tags = { ...node.tags, ...added };
      if (Object.keys(tags).length > MAX_TAGS) throw new ServiceError('TooManyTagsError', '');
      hybridNodes.update(node, { tags });
      return {};
    },
    ListTagsForResource: (input, { region }) => {
      const resource = readResource(input);
      input.check();
      const { tags = {} } = resourceNode(resource, hybridNodes, region);
      return { TagList: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
    },
    RemoveTagsFromResource: (input, { region }) => {
      const resource = readResource(input);
      const keys = input.texts('TagKeys', { min: 0, max: 1000 });
      if (keys === undefined) input.constraints.missing('TagKeys');
      input.check();
      const node = resourceNode(resource, hybridNodes, region);
      const kept = Object.entries(node.tags ?? {}).filter(([key]) => keys?.includes(key) !== true);
      hybridNodes.update(node, { tags: Object.fromEntries(kept) });
      return {};
    },
  };
}

/** The member `Tags`; no key twice. `check()` of the input is the caller's. */
export function readTags(input: JsonInput): Record<string, string> {
  const pairs = (input.structures('Tags', { min: 0, max: 1000 }) ?? []).map((tag) => {
    const key = tag.requiredText('Key', TAG_KEY);
    const value = tag.requiredText('Value', { max: 256, pattern: TAG_TEXT });
    tag.check();
    return [key, value] as const;
  });
  const keys = new Set(pairs.map(([key]) => key));
  const isReserved = [...keys].some((key) => /^aws:/i.test(key));
  if (keys.size < pairs.length || isReserved) {
    throw new ServiceError(
      'ValidationException',
      isReserved ? 'Tag keys may not begin with aws:' : 'Duplicate tag keys are not allowed.',
    );
  }
  return Object.fromEntries(pairs);
}

interface Resource {
  type: string;
  id: string;
}

function readResource(input: JsonInput): Resource {
  return {
    type: input.requiredText('ResourceType', { oneOf: RESOURCE_TYPES }),
    id: input.requiredText('ResourceId'),
  };
}

/** @throws ServiceError InvalidResourceType for what has no tags here, InvalidResourceId */
function resourceNode(
  { type, id }: Resource,
  hybridNodes: HybridNodes,
  region: string,
): ManagedNode {
  if (type !== 'ManagedInstance') throw new ServiceError('InvalidResourceType', '');
  try {
    return hybridNodes.node(id, region);
  } catch {
    throw new ServiceError('InvalidResourceId', '');
  }
}
