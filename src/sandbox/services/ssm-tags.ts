import type { SandboxAccount } from '../account.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import { ServiceError } from '../service-error.ts';

/** `ResourceTypeForTagging`. */
const TAGGABLE = [
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

/** ListTagsForResource, of hybrid nodes: there is nothing else here that could be tagged. */
export function tagOperations({ account }: { account: SandboxAccount }): {
  ListTagsForResource: JsonOperation;
} {
  return {
    ListTagsForResource: (input, { region }) => {
      const type = input.requiredText('ResourceType', { oneOf: TAGGABLE });
      const id = input.requiredText('ResourceId');
      input.check();
      const node = account.nodes.find(
        ({ instanceId, region: home, resourceType }) =>
          instanceId === id && home === region && resourceType === 'ManagedInstance',
      );
      if (type !== 'ManagedInstance' || node === undefined) {
        throw new ServiceError('InvalidResourceId', '');
      }
      const tags = Object.entries(node.tags ?? {});
      return { TagList: tags.map(([Key, Value]) => ({ Key, Value })) };
    },
  };
}
