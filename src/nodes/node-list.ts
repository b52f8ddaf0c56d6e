import type { InstanceInformation, InstanceInformationStringFilter } from '@aws-sdk/client-ssm';
import { DevaccessError } from '../platform/errors.ts';
import { agentAdvice, tierAdvice } from './advice.ts';
import type { NodeTier } from './advice.ts';
import { forEach, tagRecord, textOrNull } from './node-api.ts';
import type { NodeApi } from './node-api.ts';
import type { NodeTag } from './node-tag.ts';

const TIER_SETTING = '/ssm/managed-instance/activation-tier';
const NODE_ID = /^mi-[0-9a-f]{17}$/;

/** A machine outside EC2 that is registered with Systems Manager. Its texts are untrusted. */
export interface HybridNode {
  instanceId: string;
  /** What its activation said. */
  name: string | null;
  computerName: string | null;
  /** `Online`, `ConnectionLost`, `Inactive`. */
  pingStatus: string;
  /** ISO 8601. */
  lastPingAt: string | null;
  silentSeconds: number | null;
  agentVersion: string | null;
  /** What the version of the agent cannot do, or that it has not reported; null: nothing to do. */
  agentAdvice: string | null;
  platform: string | null;
  ipAddress: string | null;
  iamRole: string | null;
  activationId: string | null;
  registeredAt: string | null;
  /** Null where they were not asked for, or may not be read. */
  tags: Record<string, string> | null;
}

export interface NodeList {
  region: string;
  /** Null where the setting may not be read. */
  tier: NodeTier | null;
  tierAdvice: string | null;
  nodes: HybridNode[];
  notices: string[];
}

/** Whether a text is the id of a hybrid node. */
export function isNodeId(text: string): boolean {
  return NODE_ID.test(text);
}

/**
 * The hybrid nodes of an account and region, those with all of `tags`, by their names.
 *
 * @param withTags false spares a call for each node
 * @throws DevaccessError of the list; what else may not be read is told in the notices
 */
export async function listNodes(
  api: NodeApi,
  query: { tags: readonly NodeTag[]; withTags: boolean },
  nowMs: number,
): Promise<NodeList> {
  const notices: string[] = [];
  const [found, tier] = await Promise.all([
    findNodes(api, query.tags, nowMs),
    readTier(api, notices),
  ]);
  const nodes = query.withTags ? await addTags(api, found, notices) : found;
  return {
    region: api.region,
    tier,
    tierAdvice: tierAdvice(tier, nodes.length, api.region),
    nodes,
    notices,
  };
}

/** The hybrid nodes that have all of `tags`. */
export async function findNodes(
  api: NodeApi,
  tags: readonly NodeTag[],
  nowMs: number,
): Promise<HybridNode[]> {
  // The service combines a filter by tag with no other.
  const queries: InstanceInformationStringFilter[] =
    tags.length === 0
      ? [{ Key: 'ResourceType', Values: ['ManagedInstance'] }]
      : tags.map(({ key, value }) => ({ Key: `tag:${key}`, Values: [value] }));
  const lists = await Promise.all(queries.map((filter) => describe(api, filter)));
  const [first = [], ...others] = lists;
  return first
    .filter(({ InstanceId: id }) =>
      others.every((list) => list.some((node) => node.InstanceId === id)),
    )
    .filter(({ InstanceId }) => isNodeId(textOrNull(InstanceId) ?? ''))
    .map((node) => readNode(node, nowMs))
    .sort((left, right) => (sortKey(left) < sortKey(right) ? -1 : 1));
}

async function describe(
  api: NodeApi,
  filter: InstanceInformationStringFilter,
): Promise<InstanceInformation[]> {
  const { paginateDescribeInstanceInformation } = await import('./ssm-commands.ts');
  return api.list(
    'DescribeInstanceInformation',
    (client) =>
      paginateDescribeInstanceInformation({ client, pageSize: 50 }, { Filters: [filter] }),
    ({ InstanceInformationList }) => InstanceInformationList,
  );
}

function readNode(node: InstanceInformation, nowMs: number): HybridNode {
  const lastPing = dateOrNull(node.LastPingDateTime);
  const agentVersion = textOrNull(node.AgentVersion);
  const platform = [textOrNull(node.PlatformName), textOrNull(node.PlatformVersion)];
  return {
    instanceId: node.InstanceId ?? '',
    name: textOrNull(node.Name),
    computerName: textOrNull(node.ComputerName),
    pingStatus: textOrNull(node.PingStatus) ?? 'unknown',
    lastPingAt: lastPing?.toISOString() ?? null,
    silentSeconds:
      lastPing === null ? null : Math.max(0, Math.round((nowMs - lastPing.getTime()) / 1000)),
    agentVersion,
    agentAdvice: agentAdvice(agentVersion, node.IsLatestVersion),
    platform: platform.filter((part) => part !== null).join(' ') || textOrNull(node.PlatformType),
    ipAddress: textOrNull(node.IPAddress),
    iamRole: textOrNull(node.IamRole),
    activationId: textOrNull(node.ActivationId),
    registeredAt: dateOrNull(node.RegistrationDate)?.toISOString() ?? null,
    tags: null,
  };
}

function dateOrNull(value: unknown): Date | null {
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value : null;
}

/** Nodes without a name come last. */
function sortKey({ name, computerName, instanceId }: HybridNode): string {
  return `${name ?? computerName ?? '\uffff'} ${instanceId}`;
}

async function readTier(api: NodeApi, notices: string[]): Promise<NodeTier | null> {
  const { GetServiceSettingCommand } = await import('./ssm-commands.ts');
  try {
    const { ServiceSetting } = await api.call('GetServiceSetting', (client) =>
      client.send(new GetServiceSettingCommand({ SettingId: TIER_SETTING })),
    );
    const tier = ServiceSetting?.SettingValue;
    return tier === 'standard' || tier === 'advanced' ? tier : null;
  } catch (error) {
    notices.push(`the tier of the nodes is unknown: ${denial(error).message}`);
    return null;
  }
}

async function addTags(
  api: NodeApi,
  nodes: readonly HybridNode[],
  notices: string[],
): Promise<HybridNode[]> {
  const { ListTagsForResourceCommand } = await import('./ssm-commands.ts');
  let denied: DevaccessError | undefined;
  const tagged = await forEach(nodes, async (node) => {
    if (denied !== undefined) return node;
    try {
      const { TagList } = await api.call('ListTagsForResource', (client) =>
        client.send(
          new ListTagsForResourceCommand({
            ResourceType: 'ManagedInstance',
            ResourceId: node.instanceId,
          }),
        ),
      );
      return { ...node, tags: tagRecord(TagList) };
    } catch (error) {
      // It was deregistered meanwhile.
      if (error instanceof DevaccessError && error.code === 'DA_SERVICE_ERROR') return node;
      denied = denial(error);
      return node;
    }
  });
  if (denied !== undefined) notices.push(`tags are missing: ${denied.message}`);
  return tagged;
}

/** One permission less must not hide the rest of the list. @throws the error, if it is another */
function denial(error: unknown): DevaccessError {
  if (error instanceof DevaccessError && error.code === 'DA_ACCESS_DENIED') return error;
  throw error;
}
