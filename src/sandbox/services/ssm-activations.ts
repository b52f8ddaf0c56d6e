import type { Activation, SandboxAccount } from '../account.ts';
import type { HybridNodes } from '../hybrid-nodes.ts';
import type { IamRole } from '../iam/entities.ts';
import { trustsService } from '../iam/service-trust.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import { PageTokens } from '../page-tokens.ts';
import { ServiceError } from '../service-error.ts';
import type { SsmAccess } from './ssm-access.ts';
import { readTags } from './ssm-tags.ts';

export const ACTIVATION_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MANAGED_INSTANCE_ID = { min: 20, max: 124, pattern: /^mi-[0-9a-f]{17}$/ } as const;
const NAME = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const PAGE_SIZE = { min: 1, max: 50 } as const;
const FILTER_KEYS = ['ActivationIds', 'DefaultInstanceName', 'IamRole'];
const DAY_MS = 86_400_000;
const MAX_LIFE_MS = 30 * DAY_MS;
const MAX_TAGS = 50;
const NODE_SERVICE = 'ssm.amazonaws.com';

interface ActivationOptions {
  account: SandboxAccount;
  access: SsmAccess;
  hybridNodes: HybridNodes;
  now: () => number;
}

/** Activations, and what is done to the nodes that registered by them. */
export function activationOperations(options: ActivationOptions): Record<string, JsonOperation> {
  const { account, access, hybridNodes } = options;
  return {
    CreateActivation: createActivation(options),
    DescribeActivations: describeActivations(options),
    DeleteActivation: (input, { region }) => {
      const id = input.requiredText('ActivationId', { pattern: ACTIVATION_ID });
      input.check();
      const isKnown = hybridNodes
        .activations(region)
        .some(({ activationId }) => activationId === id);
      if (!isKnown) throw new ServiceError('InvalidActivation', '');
      hybridNodes.deleteActivation(id);
      return {};
    },
    UpdateManagedInstanceRole: (input, call) => {
      const instanceId = input.requiredText('InstanceId', MANAGED_INSTANCE_ID);
      const iamRole = input.requiredText('IamRole', { max: 64 });
      input.check();
      const node = hybridNodes.node(instanceId, call.region);
      const role = nodeRole(account, iamRole);
      access.requirePassRole(call, role, NODE_SERVICE);
      if (node.activation !== undefined) {
        hybridNodes.update(node, { activation: { ...node.activation, iamRole: role.roleName } });
      }
      return {};
    },
    DeregisterManagedInstance: (input, { region }) => {
      const instanceId = input.requiredText('InstanceId', MANAGED_INSTANCE_ID);
      input.check();
      hybridNodes.deregister(hybridNodes.node(instanceId, region));
      return {};
    },
  };
}

function createActivation({ account, access, hybridNodes, now }: ActivationOptions): JsonOperation {
  return (input, call) => {
    const { region } = call;
    const description = input.text('Description', { max: 256 });
    const defaultInstanceName = input.text('DefaultInstanceName', { max: 256, pattern: NAME });
    const iamRole = input.requiredText('IamRole', { max: 64 });
    const limit = input.integer('RegistrationLimit', { min: 1, max: 1000 });
    const expiresAtMs = input.timestampMs('ExpirationDate') ?? now() + DAY_MS;
    const tags = readTags(input);
    input.check();
    const leftMs = expiresAtMs - now();
    if (leftMs <= 0 || leftMs > MAX_LIFE_MS) {
      throw invalid('ExpirationDate must be in the future, and within 30 days.');
    }
    if (Object.keys(tags).length > MAX_TAGS) throw invalid('An activation takes 50 tags at most.');
    access.requirePassRole(call, nodeRole(account, iamRole), NODE_SERVICE);
    const activation = hybridNodes.activate({
      region,
      iamRole,
      description,
      defaultInstanceName,
      registrationLimit: limit ?? 1,
      expiresAtMs,
      tags,
    });
    return {
      ActivationId: activation.activationId,
      ActivationCode: activation.activationCode,
    };
  };
}

function describeActivations({ hybridNodes }: ActivationOptions): JsonOperation {
  const tokens = new PageTokens();
  return (input, { caller, region }) => {
    const pageSize = input.integer('MaxResults', PAGE_SIZE) ?? PAGE_SIZE.max;
    const nextToken = input.text('NextToken');
    const filters = (input.structures('Filters', { min: 0, max: 50 }) ?? []).map((filter) => {
      const key = filter.text('FilterKey', { oneOf: FILTER_KEYS });
      const values = filter.texts('FilterValues', { min: 0, max: 50 }) ?? [];
      filter.check();
      return { key, values };
    });
    input.check();
    if (filters.some(({ key, values }) => key === undefined || values.length === 0)) {
      throw new ServiceError('InvalidFilter', '', 400, {
        Message: 'A filter needs a key and values.',
      });
    }
    const binding = [caller.arn, region, filters];
    const start = nextToken === undefined ? 0 : tokens.open(nextToken, binding);
    if (start === undefined) {
      const Message = 'The specified token is not valid.';
      throw new ServiceError('InvalidNextToken', '', 400, { Message });
    }
    const selected = hybridNodes
      .activations(region)
      .filter((each) => filters.every(({ key, values }) => values.includes(fact(each, key) ?? '')));
    const end = start + pageSize;
    return {
      ActivationList: selected.slice(start, end).map((each) => members(each, hybridNodes)),
      ...(end < selected.length ? { NextToken: tokens.issue(end, binding) } : {}),
    };
  };
}

function fact(activation: Activation, key: string | undefined): string | undefined {
  switch (key) {
    case 'ActivationIds':
      return activation.activationId;
    case 'DefaultInstanceName':
      return activation.defaultInstanceName;
    default:
      return activation.iamRole;
  }
}

/** The code is never shown again. */
function members(activation: Activation, hybridNodes: HybridNodes): Record<string, unknown> {
  const { description, defaultInstanceName, tags } = activation;
  return {
    ActivationId: activation.activationId,
    ...(description === undefined ? {} : { Description: description }),
    ...(defaultInstanceName === undefined ? {} : { DefaultInstanceName: defaultInstanceName }),
    IamRole: activation.iamRole,
    RegistrationLimit: activation.registrationLimit,
    RegistrationsCount: activation.registrationsCount,
    ExpirationDate: activation.expiresAtMs / 1000,
    Expired: hybridNodes.isExpired(activation),
    CreatedDate: activation.createdAtMs / 1000,
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  };
}

/**
 * The role of a node by its name, which may begin with `service-role/`.
 *
 * @throws ServiceError ValidationException for a role that Systems Manager cannot assume
 */
export function nodeRole({ accountId, roles }: SandboxAccount, name: string): IamRole {
  const role = roles.find(({ roleName }) => roleName === name.replace(/^service-role\//, ''));
  if (role !== undefined && trustsService(role, NODE_SERVICE, ['sts:AssumeRole'], {})) return role;
  throw new ServiceError(
    'ValidationException',
    `Nonexistent role or missing ssm service principal in trust policy: arn:aws:iam::${accountId}:role/${name}`,
  );
}

function invalid(message: string): ServiceError {
  return new ServiceError('InvalidParameters', '', 400, { Message: message });
}
