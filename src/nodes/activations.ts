import type { Activation as ListedActivation } from '@aws-sdk/client-ssm';
import { DevaccessError, EXIT, printable } from '../platform/errors.ts';
import type { ActivationRequest } from './activation-request.ts';
import { forEach, itemError, tagRecord, textOrNull } from './node-api.ts';
import type { ItemError, NodeApi } from './node-api.ts';

const ACTIVATION_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Base64 as AWS gives it, and what else no shell could mistake. */
const ACTIVATION_CODE = /^[A-Za-z0-9+/=_.-]{20,250}$/;

/** An activation with its code, which AWS gives out this once. Never for logs or `--json`. */
export interface NewActivation {
  activationId: string;
  activationCode: string;
}

/** An activation as it is listed. Its texts are untrusted. */
export interface Activation {
  activationId: string;
  iamRole: string | null;
  name: string | null;
  description: string | null;
  registrations: number;
  limit: number;
  /** ISO 8601. */
  createdAt: string | null;
  expiresAt: string | null;
  /** Whether a machine can still register by it; else why not. */
  state: 'open' | 'expired' | 'used up';
  tags: Record<string, string>;
}

export interface DeletedActivation {
  activationId: string;
  deleted: boolean;
  error: ItemError | null;
}

/** Whether a text has the form of an activation's id: the only one that may reach a script. */
export function isActivationId(text: string): boolean {
  return ACTIVATION_ID.test(text);
}

/**
 * Creates an activation.
 *
 * @throws DevaccessError DA_NODE_ROLE where Systems Manager cannot assume the role; DA_ACCESS_DENIED
 */
export async function createActivation(
  api: NodeApi,
  request: ActivationRequest,
): Promise<NewActivation> {
  const { CreateActivationCommand } = await import('./ssm-commands.ts');
  const { role, limit, expiresAtMs, name, description, tags } = request;
  const answer = await api.call(
    'CreateActivation',
    (client) =>
      client.send(
        new CreateActivationCommand({
          IamRole: role,
          RegistrationLimit: limit,
          ExpirationDate: new Date(expiresAtMs),
          ...(name === undefined ? {} : { DefaultInstanceName: name }),
          ...(description === undefined ? {} : { Description: description }),
          ...(tags.length === 0
            ? {}
            : { Tags: tags.map(({ key, value }) => ({ Key: key, Value: value })) }),
        }),
      ),
    (error) => roleFailure(error, role),
  );
  const { ActivationId: activationId = '', ActivationCode: activationCode = '' } = answer;
  if (isActivationId(activationId) && ACTIVATION_CODE.test(activationCode)) {
    return { activationId, activationCode };
  }
  throw api.strange('CreateActivation', 'an activation of another form');
}

/** What IAM has against the role; the service tells it by its messages alone. */
function roleFailure(error: Error, role: string): DevaccessError | undefined {
  if (/nonexistent role|not existing role|service principal in trust/i.test(error.message)) {
    return new DevaccessError(
      'DA_NODE_ROLE',
      `Systems Manager cannot assume the role ${role}: it does not exist, or does not trust ssm.amazonaws.com`,
      {
        next: 'create it with ssm.amazonaws.com in its trust policy, and AmazonSSMManagedInstanceCore attached',
        cause: error,
      },
    );
  }
  if (error.name === 'AccessDeniedException' && error.message.includes('iam:PassRole')) {
    return new DevaccessError(
      'DA_ACCESS_DENIED',
      `You may not hand the role ${role} to Systems Manager`,
      { next: `ask for iam:PassRole on the role ${role}`, cause: error },
    );
  }
  return undefined;
}

/** All activations of an account and region, the newest first. @throws DevaccessError */
export async function listActivations(api: NodeApi): Promise<Activation[]> {
  const { paginateDescribeActivations } = await import('./ssm-commands.ts');
  const found = await api.list(
    'DescribeActivations',
    (client) => paginateDescribeActivations({ client, pageSize: 50 }, {}),
    ({ ActivationList }) => ActivationList,
  );
  return found
    .map(readActivation)
    .sort((left, right) => ((left.createdAt ?? '') > (right.createdAt ?? '') ? -1 : 1));
}

function readActivation(activation: ListedActivation): Activation {
  const registrations = activation.RegistrationsCount ?? 0;
  const limit = activation.RegistrationLimit ?? 1;
  const isUsedUp = registrations >= limit;
  const state = activation.Expired === true ? 'expired' : isUsedUp ? 'used up' : 'open';
  return {
    activationId: textOrNull(activation.ActivationId) ?? '',
    iamRole: textOrNull(activation.IamRole),
    name: textOrNull(activation.DefaultInstanceName),
    description: textOrNull(activation.Description),
    registrations,
    limit,
    createdAt: iso(activation.CreatedDate),
    expiresAt: iso(activation.ExpirationDate),
    state,
    tags: tagRecord(activation.Tags),
  };
}

function iso(date: unknown): string | null {
  return date instanceof Date && !Number.isNaN(date.getTime()) ? date.toISOString() : null;
}

/**
 * Deletes activations, each for itself. Nodes that registered by them stay.
 *
 * @throws DevaccessError DA_USAGE for what is no id of an activation
 */
export async function deleteActivations(
  api: NodeApi,
  ids: readonly string[],
): Promise<DeletedActivation[]> {
  const wrong = ids.find((id) => !isActivationId(id));
  if (wrong !== undefined) throw notAnActivation(wrong);
  return forEach(ids, async (activationId) => {
    try {
      await deleteActivation(api, activationId);
      return { activationId, deleted: true, error: null };
    } catch (error) {
      return { activationId, deleted: false, error: itemError(error) };
    }
  });
}

/** @throws DevaccessError DA_ACTIVATION_UNKNOWN */
export async function deleteActivation(api: NodeApi, activationId: string): Promise<void> {
  const { DeleteActivationCommand } = await import('./ssm-commands.ts');
  await api.call(
    'DeleteActivation',
    (client) => client.send(new DeleteActivationCommand({ ActivationId: activationId })),
    (error) =>
      /^InvalidActivation(Id)?$/.test(error.name)
        ? new DevaccessError(
            'DA_ACTIVATION_UNKNOWN',
            `There is no activation ${activationId} in ${api.region}`,
            { next: 'see devaccess nodes activations list', cause: error },
          )
        : undefined,
  );
}

export function notAnActivation(text: string): DevaccessError {
  return new DevaccessError('DA_USAGE', `'${printable(text)}' is not the id of an activation`, {
    next: 'give ids as devaccess nodes activations list shows them',
    exitCode: EXIT.usage,
  });
}
