import type { ManagedNode, SandboxAccount } from '../account.ts';
import type { JsonInput } from '../http/json-input.ts';
import { jsonService } from '../http/json-protocol.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import type { HttpService } from '../http/service.ts';
import { PageTokens } from '../page-tokens.ts';
import { SEED } from '../seed.ts';
import { ServiceError } from '../service-error.ts';
import type { CommandRegistry } from '../run-command/command-registry.ts';
import { tagValue } from './ec2-filters.ts';
import { nodeTags } from './node-tags.ts';
import { activationOperations } from './ssm-activations.ts';
import { commandOperations } from './ssm-commands.ts';
import { selfCheckedNodeOperations, updateInstanceInformation } from './ssm-node-agents.ts';
import type { NodeAgentOptions } from './ssm-node-agents.ts';
import { serviceSettingOperations } from './ssm-service-settings.ts';
import type { SsmAccess } from './ssm-access.ts';
import type { AccessControl } from '../iam/access-control.ts';
import type { KmsVault } from './kms-vault.ts';
import { associationOperations } from './ssm-associations.ts';
import type { Association } from './ssm-associations.ts';
import { documentOperations } from './ssm-own-documents.ts';
import type { OwnDocument } from './ssm-own-documents.ts';
import { parameterOperations } from './ssm-parameters.ts';
import type { StoredParameter } from './ssm-parameters.ts';
import { sessionOperations } from './ssm-sessions.ts';
import type { SsmSessionOptions } from './ssm-sessions.ts';
import { tagOperations } from './ssm-tags.ts';

const PAGE_SIZE = { min: 5, max: 50, default: 10 } as const;
const PING_INTERVAL_MS = 5 * 60_000;

type SsmOptions = SsmSessionOptions &
  NodeAgentOptions & {
    commands: CommandRegistry;
    accessControl: AccessControl;
    vault: KmsVault;
  } & SsmStore;

/** What Systems Manager keeps for an account, beside its nodes and commands. */
export interface SsmStore {
  readonly parameters: Map<string, StoredParameter>;
  readonly commandDocuments: OwnDocument[];
  readonly associations: Association[];
}

/** AWS Systems Manager, 2014-11-06: nodes, sessions, Run Command and hybrid nodes. */
export function ssmService(options: SsmOptions): HttpService {
  const { access } = options;
  const stored = { ...options, access: options.accessControl };
  return jsonService({
    signingName: 'ssm',
    targetPrefix: 'AmazonSSM',
    operations: {
      ...guarded(access, {
        DescribeInstanceInformation: describeInstanceInformation(options),
        ...activationOperations(options),
        ...tagOperations(options.hybridNodes),
        ...serviceSettingOperations(options),
        UpdateInstanceInformation: updateInstanceInformation(options),
      }),
      // These ask for themselves.
      ...sessionOperations(options),
      ...commandOperations(options),
      ...parameterOperations(stored),
      ...documentOperations(stored),
      ...associationOperations(stored),
    },
    selfChecked: selfCheckedNodeOperations(options),
  });
}

function guarded(
  access: SsmAccess,
  operations: Record<string, JsonOperation>,
): Record<string, JsonOperation> {
  return Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [name, access.guard(name, operation)]),
  );
}

type NodeFacts = (node: ManagedNode) => readonly (string | undefined)[];

/** Keys of both filter forms. */
const NODE_FACTS: Readonly<Record<string, NodeFacts>> = {
  ActivationIds: ({ activation }) => [activation?.activationId],
  AgentVersion: ({ agentVersion }) => [agentVersion],
  // No node here runs a State Manager association.
  AssociationStatus: () => [],
  IamRole: ({ activation }) => [activation?.iamRole],
  InstanceIds: ({ instanceId }) => [instanceId],
  PingStatus: ({ pingStatus }) => [pingStatus],
  PlatformTypes: ({ platformType }) => [platformType],
  ResourceType: ({ resourceType }) => [resourceType],
};

/** Keys that only the newer form, `Filters`, takes. */
const EXTRA_FACTS: Readonly<Record<string, NodeFacts>> = {
  PlatformType: ({ platformType }) => [platformType],
  SourceIds: ({ instanceId, thingName }) => [thingName ?? instanceId],
  SourceTypes: (node) => [sourceType(node)],
};

interface NodeFilter {
  readonly key: string;
  readonly values: readonly string[];
}

function describeInstanceInformation({ account, hybridNodes, now }: SsmOptions): JsonOperation {
  const tokens = new PageTokens();
  return (input, { caller, region }) => {
    const pageSize = input.integer('MaxResults', PAGE_SIZE) ?? PAGE_SIZE.default;
    const nextToken = input.text('NextToken');
    const filters = readFilters(input);
    input.check();

    const binding = [caller.arn, region, filters];
    const start = nextToken === undefined ? 0 : tokens.open(nextToken, binding);
    if (start === undefined) {
      const Message = 'The specified token is not valid.';
      throw new ServiceError('InvalidNextToken', '', 400, { Message });
    }
    const selected = account.nodes
      .filter((node) => node.region === region)
      .map((node) => hybridNodes.present(node))
      .filter((node) => filters.every((filter) => nodeMatches(account, node, filter)));
    const end = start + pageSize;
    return {
      InstanceInformationList: selected.slice(start, end).map((node) => nodeMembers(node, now())),
      ...(end < selected.length ? { NextToken: tokens.issue(end, binding) } : {}),
    };
  };
}

function readFilters(input: JsonInput): NodeFilter[] {
  const older = input.structures('InstanceInformationFilterList', { min: 0, max: 50 }) ?? [];
  const newer = input.structures('Filters', { min: 0, max: 50 }) ?? [];
  if (older.length > 0 && newer.length > 0) {
    throw new ServiceError(
      'ValidationException',
      'InstanceInformationFilterList and Filters cannot be used together.',
    );
  }
  const values = { min: 1, max: 100 };
  return [
    ...older.map((filter) => {
      const key = filter.requiredText('key', { oneOf: Object.keys(NODE_FACTS) });
      const valueSet = filter.texts('valueSet', values);
      if (valueSet === undefined) filter.constraints.missing('valueSet');
      filter.check();
      return { key, values: valueSet ?? [] };
    }),
    ...newer.map((filter) => {
      const key = filter.requiredText('Key', { min: 1 });
      const given = filter.texts('Values', values);
      if (given === undefined) filter.constraints.missing('Values');
      filter.check();
      const known =
        key === 'tag-key' ||
        key.startsWith('tag:') ||
        Object.hasOwn(NODE_FACTS, key) ||
        Object.hasOwn(EXTRA_FACTS, key);
      if (!known) throw new ServiceError('InvalidFilterKey', '');
      return { key, values: given ?? [] };
    }),
  ];
}

function nodeMatches(account: SandboxAccount, node: ManagedNode, filter: NodeFilter): boolean {
  const facts = filter.key.startsWith('tag')
    ? tagFacts(account, node, filter.key)
    : (NODE_FACTS[filter.key] ?? EXTRA_FACTS[filter.key])?.(node);
  return filter.values.some((value) => facts?.includes(value));
}

function tagFacts(account: SandboxAccount, node: ManagedNode, key: string) {
  const tags = nodeTags(account, node);
  return key === 'tag-key' ? Object.keys(tags) : [tagValue(tags, key.slice('tag:'.length))];
}

function sourceType({ resourceType, thingName }: ManagedNode): string {
  if (thingName !== undefined) return 'AWS::IoT::Thing';
  return resourceType === 'EC2Instance' ? 'AWS::EC2::Instance' : 'AWS::SSM::ManagedInstance';
}

function nodeMembers(node: ManagedNode, nowMs: number): Record<string, unknown> {
  const { activation } = node;
  const silentMs = Math.max(0, nowMs - node.lastPingAtMs);
  // A node that is online has reported within the last interval.
  const lastPingAtMs =
    node.pingStatus === 'Online' ? nowMs - (silentMs % PING_INTERVAL_MS) : node.lastPingAtMs;
  return {
    InstanceId: node.instanceId,
    PingStatus: node.pingStatus,
    LastPingDateTime: lastPingAtMs / 1000,
    ...(node.agentVersion === undefined
      ? {}
      : { AgentVersion: node.agentVersion, IsLatestVersion: isLatest(node.agentVersion) }),
    ...known({
      PlatformType: node.platformType,
      PlatformName: node.platformName,
      PlatformVersion: node.platformVersion,
      IPAddress: node.ipAddress,
      ComputerName: node.computerName,
    }),
    ResourceType: node.resourceType,
    SourceId: node.thingName ?? node.instanceId,
    SourceType: sourceType(node),
    ...(activation === undefined
      ? {}
      : {
          ActivationId: activation.activationId,
          IamRole: activation.iamRole,
          RegistrationDate: activation.registeredAtMs / 1000,
          Name: activation.name,
        }),
  };
}

/** Not older than the agents of the seeded nodes. */
function isLatest(version: string): boolean {
  return version.localeCompare(SEED.agentVersion, 'en', { numeric: true }) >= 0;
}

/** Members of which the agent has told; what it has not is absent. */
function known(members: Record<string, string | undefined>): Record<string, string> {
  const told = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(told) as Record<string, string>;
}
