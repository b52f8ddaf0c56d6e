import type { Filter, Instance, Tag as ResourceTag } from '@aws-sdk/client-ec2';
import type {
  InstanceInformation,
  InstanceInformationStringFilter,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { createEc2Client, createSsmClient } from '../aws/clients.ts';
import type { ClientOptions } from '../aws/client-settings.ts';
import { serviceError, strangeAnswer } from '../aws/service-errors.ts';
import type { CallContext } from '../aws/service-errors.ts';
import type { InventorySource } from './inventory.ts';
import type { Tag } from './tag.ts';

/** 100 000 nodes at 50 a page: an endpoint that goes on longer never ends. */
const MAX_PAGES = 2_000;
/** Ids that one filter of DescribeInstanceInformation takes. */
const MAX_IDS = 100;

/** The inventory of one region as the two services give it, page by page. */
export function awsInventorySource(
  options: ClientOptions,
  profile: string | undefined,
): InventorySource {
  const patient = { ...options, isPatient: true };
  return {
    instances: () => instances(patient, profile),
    managedNodes: () => managedNodes(patient, profile),
    hybridTags: hybridTags(patient, profile),
  };
}

/** The nodes of a region that carry a tag, and what SSM knows of nodes by their ids. */
export interface TaggedSource extends InventorySource {
  managedNodesById(ids: readonly string[]): AsyncIterable<InstanceInformation>;
}

/** Asks both services for the nodes with a tag: EC2 knows its own tags, SSM those of hybrid nodes. */
export function awsTaggedSource(
  options: ClientOptions,
  profile: string | undefined,
  { key, value }: Tag,
): TaggedSource {
  return {
    instances: async function* () {
      // EC2 takes `*`, `?` and `\\` as patterns; `?` covers each of them, and the answer is checked.
      const pattern = value.replace(/[*?\\]/g, '?');
      const found = instances(options, profile, [{ Name: `tag:${key}`, Values: [pattern] }]);
      for await (const instance of found) {
        const tags: ResourceTag[] = objects(instance.Tags);
        if (tags.some((tag) => tag.Key === key && tag.Value === value)) yield instance;
      }
    },
    managedNodes: () => managedNodes(options, profile, [{ Key: `tag:${key}`, Values: [value] }]),
    managedNodesById: (ids) => awsManagedNodes(options, profile, ids),
  };
}

/** The inventory of nodes by their ids alone. */
export function awsNodesById(
  options: ClientOptions,
  profile: string | undefined,
  ids: readonly string[],
): InventorySource {
  const Values = ids.filter((id) => id.startsWith('i-'));
  return {
    instances: async function* () {
      if (Values.length > 0) yield* instances(options, profile, [{ Name: 'instance-id', Values }]);
    },
    managedNodes: () => awsManagedNodes(options, profile, ids),
  };
}

/** What SSM knows of nodes by their ids; of those that it does not know, nothing. */
export async function* awsManagedNodes(
  options: ClientOptions,
  profile: string | undefined,
  ids: readonly string[],
): AsyncGenerator<InstanceInformation> {
  for (let at = 0; at < ids.length; at += MAX_IDS) {
    const Values = ids.slice(at, at + MAX_IDS);
    yield* managedNodes(options, profile, [{ Key: 'InstanceIds', Values }]);
  }
}

async function* instances(
  options: ClientOptions,
  profile: string | undefined,
  filters: readonly Filter[] = [],
): AsyncGenerator<Instance> {
  const { paginateDescribeInstances } = await import('@aws-sdk/client-ec2');
  const context = { service: 'EC2', operation: 'DescribeInstances', profile };
  const client = await createEc2Client(options);
  const states = ['pending', 'running', 'stopping', 'stopped'];
  try {
    const pages = paginateDescribeInstances(
      { client, pageSize: 1000 },
      { Filters: [{ Name: 'instance-state-name', Values: states }, ...filters] },
    );
    for await (const page of bounded(pages, context)) {
      const { Reservations } = page;
      // Of a page that is not EC2's the SDK makes an answer with nothing in it; no server is gone for that.
      if (!Array.isArray(Reservations)) throw strangeAnswer(context, undefined);
      for (const reservation of objects(Reservations)) yield* objects(reservation.Instances);
    }
  } catch (error) {
    throw serviceError(error, context);
  } finally {
    client.destroy();
  }
}

async function* managedNodes(
  options: ClientOptions,
  profile: string | undefined,
  filters?: InstanceInformationStringFilter[],
): AsyncGenerator<InstanceInformation> {
  const { paginateDescribeInstanceInformation } = await import('@aws-sdk/client-ssm');
  const context = { service: 'SSM', operation: 'DescribeInstanceInformation', profile };
  const client = await createSsmClient(options);
  try {
    const pages = paginateDescribeInstanceInformation(
      { client, pageSize: 50 },
      filters === undefined ? {} : { Filters: filters },
    );
    for await (const page of bounded(pages, context)) yield* objects(page.InstanceInformationList);
  } catch (error) {
    throw serviceError(error, context);
  } finally {
    client.destroy();
  }
}

/** Tags of one hybrid node at a time, with one client for all that are asked for at once. */
function hybridTags(
  options: ClientOptions,
  profile: string | undefined,
): NonNullable<InventorySource['hybridTags']> {
  const context = { service: 'SSM', operation: 'ListTagsForResource', profile };
  let client: Promise<SSMClient> | undefined;
  let asked = 0;
  return async (ResourceId) => {
    const { ListTagsForResourceCommand } = await import('@aws-sdk/client-ssm');
    client ??= createSsmClient(options);
    const shared = client;
    asked += 1;
    try {
      const input = { ResourceType: 'ManagedInstance', ResourceId } as const;
      const { TagList } = await (await shared).send(new ListTagsForResourceCommand(input));
      return new Map(objects(TagList).map(({ Key, Value }) => [String(Key), String(Value)]));
    } catch (error) {
      // Deregistered since it was listed.
      if ((error as Error).name === 'InvalidResourceId') return new Map();
      throw serviceError(error, context);
    } finally {
      asked -= 1;
      if (asked === 0) {
        client = undefined;
        (await shared).destroy();
      }
    }
  };
}

async function* bounded<Page>(
  pages: AsyncIterable<Page>,
  context: CallContext,
): AsyncGenerator<Page> {
  let count = 0;
  for await (const page of pages) {
    count += 1;
    if (count > MAX_PAGES) throw strangeAnswer(context, `more than ${MAX_PAGES} pages`);
    yield page;
  }
}

/** The SDK does not check that an answer has the form its types promise. */
function objects<T extends object>(list: readonly T[] | undefined): T[] {
  const items: readonly unknown[] = Array.isArray(list) ? list : [];
  return items.filter((item): item is T => typeof item === 'object' && item !== null);
}
