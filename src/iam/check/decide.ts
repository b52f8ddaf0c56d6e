/** How it is found out what IAM says: by its simulator, or by trying. */
import type { ClientOptions } from '../../aws/client-settings.ts';
import { simulate } from '../../aws/policy-simulation.ts';
import type { SimulatedDecision, SimulatedKey } from '../../aws/policy-simulation.ts';
import { DevaccessError } from '../../platform/errors.ts';
import type { AccessRequest } from '../policy/access-request.ts';
import type { FeatureCall } from './feature-calls.ts';
import { Probes } from './probes.ts';
import { fullArn } from './subject.ts';
import type { Subject } from './subject.ts';

type Answer = SimulatedDecision | 'unknown';
/** What IAM says of an action on a resource. */
export type Decide = (action: string, resource: string) => Promise<Answer>;

export interface Method {
  /** Whose policies they are, as IAM names it. */
  arn: string;
  /** Why calls were tried; undefined where IAM has simulated. */
  triedBecause: string | undefined;
  decide: { main: Decide; withoutMfa: Decide | undefined };
}

/**
 * IAM's own simulation, else calls that change nothing: these tell of the caller alone.
 *
 * @param isCaller nobody else was named
 * @throws DevaccessError DA_ACCESS_DENIED and DA_IAM_NOT_FOUND of somebody else, and those of `iamError`
 */
export async function chooseMethod(
  calls: readonly FeatureCall[],
  request: AccessRequest,
  subject: Subject,
  { client, isCaller }: { client: ClientOptions; isCaller: boolean },
): Promise<Method> {
  try {
    return await simulated(calls, request, client, subject);
  } catch (error) {
    if (!(error instanceof DevaccessError)) throw error;
    const full = mayHavePath(error, subject) ? await fullArn(subject, client) : undefined;
    if (typeof full === 'string') {
      const known = { ...subject, arn: full, isPathUnknown: false };
      return chooseMethod(calls, request, known, { client, isCaller });
    }
    if (!isCaller) throw full === null ? pathless(subject, error) : error;
    const why = whyNotSimulated(error, full === null);
    if (why === undefined) throw error;
    return {
      arn: subject.arn,
      triedBecause: why,
      decide: await tried(calls, request, client, subject),
    };
  }
}

function mayHavePath({ code }: DevaccessError, { isPathUnknown }: Subject): boolean {
  return isPathUnknown && (code === 'DA_IAM_NOT_FOUND' || code === 'DA_ACCESS_DENIED');
}

/** Of an identity that cannot be found by its name alone. */
function pathless({ kind, name }: Subject, cause: DevaccessError): DevaccessError {
  if (cause.code !== 'DA_IAM_NOT_FOUND') return cause;
  return new DevaccessError('DA_IAM_NOT_FOUND', `IAM has no ${kind} ${name} without a path`, {
    next: `give --as its whole ARN, path included, or allow iam:${kind === 'role' ? 'GetRole' : 'GetUser'}, which tells it`,
    cause,
  });
}

/** Undefined for what goes wrong with calls that are tried, too. */
function whyNotSimulated({ code }: DevaccessError, isPathHidden: boolean): string | undefined {
  switch (code) {
    case 'DA_ACCESS_DENIED':
      return 'IAM does not let this identity simulate its policies (iam:SimulatePrincipalPolicy)';
    case 'DA_IAM_NOT_FOUND':
      return isPathHidden
        ? 'the role has a path, which its sessions do not tell (allow iam:GetRole, or give --as with its ARN)'
        : undefined;
    // Not every endpoint that plays AWS has a simulator.
    case 'DA_SERVICE_ERROR':
      return 'the simulator of IAM did not answer';
    default:
      return undefined;
  }
}

async function simulated(
  calls: readonly FeatureCall[],
  request: AccessRequest,
  client: ClientOptions,
  subject: Subject,
): Promise<Method> {
  const keys = contextKeys(request, subject);
  const withMfa: SimulatedKey[] = [
    { name: 'aws:MultiFactorAuthPresent', type: 'boolean', values: ['true'] },
    { name: 'aws:MultiFactorAuthAge', type: 'numeric', values: ['60'] },
  ];
  const isUser = subject.kind === 'user';
  const simulation = (more: readonly SimulatedKey[]): Decide =>
    simulator(calls, [...keys, ...more], { client, principal: subject.arn });
  const main = simulation(isUser ? withMfa : []);
  const [first] = calls;
  if (first !== undefined) await main(first.action, first.resources[0] ?? '*');
  const withoutMfa = isUser ? simulation([]) : undefined;
  return { arn: subject.arn, triedBecause: undefined, decide: { main, withoutMfa } };
}

async function tried(
  calls: readonly FeatureCall[],
  request: AccessRequest,
  client: ClientOptions,
  { kind, name }: Subject,
): Promise<Method['decide']> {
  const user = kind === 'user' ? name : undefined;
  const probes = new Probes(client, user, request.nodes.tags.size > 0);
  // Documents first: what nodes answer is told by them.
  const documents = calls.flatMap(({ action, resources: [resource = '*'] }) =>
    resource.includes(':document/') ? [{ action, resource }] : [],
  );
  for (const { action, resource } of documents) await probes.ask(action, resource);
  const main: Decide = async (action, resource) => {
    const probed = await probes.ask(action, resource);
    if (probed === undefined) return 'unknown';
    return probed === 'allowed' ? 'allowed' : 'implicitDeny';
  };
  return { main, withoutMfa: undefined };
}

/** One question for all actions on a resource, asked when the first of them is looked for. */
function simulator(
  calls: readonly FeatureCall[],
  keys: readonly SimulatedKey[],
  { client, principal }: { client: ClientOptions; principal: string },
): Decide {
  const asked = new Map<string, Promise<Map<string, SimulatedDecision>>>();
  return async (action, resource) => {
    const actions = new Set(
      calls.filter(({ resources }) => resources.includes(resource)).map((call) => call.action),
    );
    const known =
      asked.get(resource) ?? simulate(client, { principal, actions: [...actions], resource, keys });
    asked.set(resource, known);
    return (await known).get(action.toLowerCase()) ?? 'unknown';
  };
}

/** What the requests of devaccess bring along, for conditions and variables of policies. */
function contextKeys({ nodes, place }: AccessRequest, subject: Subject): SimulatedKey[] {
  const text = (name: string, ...values: string[]): SimulatedKey => ({
    name,
    type: 'string',
    values,
  });
  const tags = [...nodes.tags].flatMap(([key, values]) =>
    ['ssm:resourceTag', 'aws:ResourceTag', 'ec2:ResourceTag'].map((prefix) =>
      text(`${prefix}/${key}`, values[0] ?? ''),
    ),
  );
  const { userId } = subject;
  return [
    { name: 'ssm:SessionDocumentAccessCheck', type: 'boolean', values: ['true'] },
    text('ssm:resourceTag/aws:ssmmessages:session-id', userId),
    text('aws:userid', userId),
    ...(subject.kind === 'user' ? [text('aws:username', subject.name)] : []),
    text('aws:RequestedRegion', place.regions[0] ?? ''),
    ...tags,
  ];
}
