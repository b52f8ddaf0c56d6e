import type { CallerIdentity } from '../../aws/caller-identity.ts';
import type { ClientOptions } from '../../aws/client-settings.ts';
import { simulate } from '../../aws/policy-simulation.ts';
import type { SimulatedDecision, SimulatedKey } from '../../aws/policy-simulation.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { accessRequest } from '../policy/access-request.ts';
import type { AccessRequest, AccessWords } from '../policy/access-request.ts';
import { DEFAULT_FEATURES, FEATURES } from '../policy/features.ts';
import type { Feature } from '../policy/features.ts';
import type { PolicyStatement } from '../policy/policy-document.ts';
import { featureCalls } from './feature-calls.ts';
import type { FeatureCall } from './feature-calls.ts';
import { Probes } from './probes.ts';

export type Verdict = 'yes' | 'no' | 'unknown';

/** A call that is not allowed. */
export interface MissingCall {
  action: string;
  resource: string;
  /** `denied`: a policy says no, and no further statement helps. */
  why: 'not allowed' | 'denied' | 'unknown';
}

export interface FeatureVerdict {
  feature: Feature;
  /** It counts for the exit code. */
  isWanted: boolean;
  /** Of a user, simulated; else null. */
  withMfa: Verdict | null;
  withoutMfa: Verdict | null;
  /** Of a role, and where calls were tried: with the credentials as they are. */
  asIs: Verdict | null;
  /** With MFA, where that is known. */
  missing: MissingCall[];
}

/** What `devaccess iam check --json` prints. */
export interface IdentityCheck {
  identity: { arn: string; kind: 'user' | 'role'; name: string };
  /** `simulated` by IAM; `tried`: calls that change nothing. */
  method: 'simulated' | 'tried';
  regions: readonly string[];
  features: FeatureVerdict[];
  /** To add, for what is missing of the wanted features. */
  statements: PolicyStatement[];
  notices: string[];
}

export interface CheckWords extends Pick<AccessWords, 'regions' | 'tags' | 'targets' | 'kmsKeys'> {
  /** Nobody named: the caller. A user or role of the account, or its ARN. */
  as: string | undefined;
  /** Nothing asked for: all are told, and the usual ones are wanted. */
  features: readonly Feature[];
}

interface Subject {
  arn: string;
  kind: 'user' | 'role';
  name: string;
  /** `aws:userid`, or one that stands for it where it is not known. */
  userId: string;
  /** Of a session; else as `name`. */
  sessionName: string;
}

type Answer = SimulatedDecision | 'unknown';
/** What IAM says of an action on a resource. */
type Decide = (action: string, resource: string) => Promise<Answer>;

/**
 * Tells for each feature of devaccess what an identity may and may not do.
 *
 * @param caller whose credentials the client has
 * @throws DevaccessError DA_ACCESS_DENIED where another identity cannot be simulated, DA_IAM_NOT_FOUND,
 *   DA_USAGE and those of `iamError`
 */
export async function checkIdentity(
  words: CheckWords,
  client: ClientOptions,
  caller: CallerIdentity,
): Promise<IdentityCheck> {
  const subject = subjectOf(words.as, caller);
  const request = requestOf(words, subject, caller);
  const asked = words.features.length > 0 ? words.features : FEATURES;
  const wanted: readonly Feature[] = words.features.length > 0 ? words.features : DEFAULT_FEATURES;
  const of = { name: subject.sessionName, userId: subject.userId };
  const calls = asked.map((feature) => ({ feature, calls: featureCalls(feature, request, of) }));
  const all = calls.flatMap((each) => each.calls);
  const { method, decide } = await chooseMethod(all, request, { words, client, subject });

  const features: FeatureVerdict[] = [];
  const lacking = new Set<PolicyStatement>();
  for (const { feature, calls: own } of calls) {
    if (own.length === 0) continue;
    const isWanted = wanted.includes(feature);
    const main = await judge(own, decide.main);
    const withoutMfa =
      decide.withoutMfa === undefined
        ? null
        : (
            await judge(
              own.filter((call) => !call.isWithMfaOnly),
              decide.withoutMfa,
            )
          ).verdict;
    const isSplit = withoutMfa !== null;
    features.push({
      feature,
      isWanted,
      withMfa: isSplit ? main.verdict : null,
      withoutMfa,
      asIs: isSplit ? null : main.verdict,
      missing: main.missing.map(({ call, why }) => ({
        action: call.action,
        resource: call.resources[0] ?? '*',
        why,
      })),
    });
    if (!isWanted) continue;
    for (const { call, why } of main.missing)
      if (why === 'not allowed') lacking.add(call.statement);
  }
  return {
    identity: { arn: subject.arn, kind: subject.kind, name: subject.name },
    method,
    regions: request.place.regions,
    features,
    statements: distinctBySid([...lacking]),
    notices: notices(method, subject, request),
  };
}

/** Whether the wanted features are allowed. @returns an exit code */
export function checkExitCode({ features }: IdentityCheck): number {
  const verdicts = features
    .filter(({ isWanted }) => isWanted)
    .map(({ withMfa, asIs }) => withMfa ?? asIs ?? 'unknown');
  if (verdicts.includes('no')) return EXIT.failed;
  return verdicts.includes('unknown') ? EXIT.partial : EXIT.done;
}

const ANY_USER = 'AIDA0F0F0F0F0F0F0F0F';
const ANY_ROLE = 'AROA0F0F0F0F0F0F0F0F';
const SUBJECT = /^arn:[\w-]+:(?:iam|sts)::\d{12}:(user|role|assumed-role)\/([\x21-\x7e]+)$/;

/** @throws DevaccessError DA_USAGE, DA_NOT_A_USER */
function subjectOf(as: string | undefined, { arn, account, userId }: CallerIdentity): Subject {
  const partition = arn.split(':')[1] ?? 'aws';
  const named =
    as === undefined || as.startsWith('arn:')
      ? (as ?? arn)
      : `arn:${partition}:iam::${account}:${/^(user|role)\//.test(as) ? as : `user/${as}`}`;
  const [, kind, path] = SUBJECT.exec(named) ?? [];
  if (kind === undefined || path === undefined) {
    if (as === undefined) {
      throw new DevaccessError('DA_NOT_A_USER', `${arn} has no policies to be checked`, {
        next: 'use the credentials of a user or a role, or give --as',
      });
    }
    throw new DevaccessError('DA_USAGE', `'${as}' is neither a user nor a role`, {
      next: 'give --as alice, --as role/NAME or an ARN',
      exitCode: EXIT.usage,
    });
  }
  const parts = path.split('/');
  if (kind === 'assumed-role') {
    const [role = '', session = role] = parts;
    const roleArn = `arn:${partition}:iam::${account}:role/${role}`;
    return { arn: roleArn, kind: 'role', name: role, userId, sessionName: session };
  }
  const name = parts.at(-1) ?? '';
  const isCaller = named === arn;
  return {
    arn: named,
    kind: kind === 'user' ? 'user' : 'role',
    name,
    userId: isCaller ? userId : kind === 'user' ? ANY_USER : `${ANY_ROLE}:${name}`,
    sessionName: name,
  };
}

function requestOf(
  words: CheckWords,
  subject: Subject,
  { account }: CallerIdentity,
): AccessRequest {
  return accessRequest({
    ...words,
    account: subject.arn.split(':')[4] ?? account,
    kind: subject.kind,
    name: 'devaccess',
    // Of a role the features of users are left out later.
    features: FEATURES.filter(
      (each) => subject.kind === 'user' || !['rotate-keys', 'enroll-mfa'].includes(each),
    ),
    documents: [],
    osUser: undefined,
    trusted: [],
    mfaAgeS: 43_200,
    strict: false,
  });
}

async function chooseMethod(
  calls: readonly FeatureCall[],
  request: AccessRequest,
  { words, client, subject }: { words: CheckWords; client: ClientOptions; subject: Subject },
): Promise<{
  method: IdentityCheck['method'];
  decide: { main: Decide; withoutMfa: Decide | undefined };
}> {
  const keys = contextKeys(request, subject);
  const withMfa: SimulatedKey[] = [
    { name: 'aws:MultiFactorAuthPresent', type: 'boolean', values: ['true'] },
    { name: 'aws:MultiFactorAuthAge', type: 'numeric', values: ['60'] },
  ];
  const isUser = subject.kind === 'user';
  const simulation = (more: readonly SimulatedKey[]): Decide =>
    simulator(calls, [...keys, ...more], { client, principal: subject.arn });
  const main = simulation(isUser ? withMfa : []);
  try {
    const [first] = calls;
    if (first !== undefined) await main(first.action, first.resources[0] ?? '*');
    const withoutMfa = isUser ? simulation([]) : undefined;
    return { method: 'simulated', decide: { main, withoutMfa } };
  } catch (error) {
    const isDenied = error instanceof DevaccessError && error.code === 'DA_ACCESS_DENIED';
    if (!isDenied || words.as !== undefined) throw error;
    const probes = new Probes(
      client,
      isUser ? subject.name : undefined,
      request.nodes.tags.size > 0,
    );
    // Documents first: what nodes answer is told by them.
    const documents = calls.flatMap(({ action, resources: [resource = '*'] }) =>
      resource.includes(':document/') ? [{ action, resource }] : [],
    );
    for (const { action, resource } of documents) await probes.ask(action, resource);
    const tried: Decide = async (action, resource) => {
      const probed = await probes.ask(action, resource);
      if (probed === undefined) return 'unknown';
      return probed === 'allowed' ? 'allowed' : 'implicitDeny';
    };
    return { method: 'tried', decide: { main: tried, withoutMfa: undefined } };
  }
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

interface Judged {
  verdict: Verdict;
  missing: { call: FeatureCall; why: MissingCall['why'] }[];
}

async function judge(calls: readonly FeatureCall[], decide: Decide): Promise<Judged> {
  const missing: Judged['missing'] = [];
  for (const call of calls) {
    const answers = await Promise.all(call.resources.map((each) => decide(call.action, each)));
    if (answers.includes('allowed')) continue;
    const isDenied = answers.includes('explicitDeny');
    const isUnknown = !isDenied && answers.includes('unknown');
    missing.push({ call, why: isDenied ? 'denied' : isUnknown ? 'unknown' : 'not allowed' });
  }
  const verdict = missing.some(({ why }) => why !== 'unknown')
    ? 'no'
    : missing.length > 0
      ? 'unknown'
      : 'yes';
  return { verdict, missing };
}

function distinctBySid(statements: readonly PolicyStatement[]): PolicyStatement[] {
  // Features that share a statement have it with their own documents: these go together.
  const merged = new Map<string, PolicyStatement>();
  for (const statement of statements) {
    const known = merged.get(statement.Sid);
    merged.set(statement.Sid, known === undefined ? statement : together(known, statement));
  }
  return [...merged.values()];
}

function together(one: PolicyStatement, other: PolicyStatement): PolicyStatement {
  const list = (value: string | readonly string[] = []) =>
    typeof value === 'string' ? [value] : value;
  const union = (a?: string | readonly string[], b?: string | readonly string[]) => {
    const all = [...new Set([...list(a), ...list(b)])];
    return all.length === 1 ? (all[0] ?? '') : all;
  };
  return {
    ...one,
    Action: union(one.Action, other.Action),
    Resource: union(one.Resource, other.Resource),
  };
}

function notices(
  method: IdentityCheck['method'],
  { kind }: Subject,
  { nodes }: AccessRequest,
): string[] {
  return [
    ...(method === 'tried'
      ? [
          'IAM does not let this identity simulate its policies (iam:SimulatePrincipalPolicy): calls that change nothing were tried, with the credentials as they are',
        ]
      : [
          'simulated by IAM: what hangs on source addresses, times or tags that are not given here is not judged',
        ]),
    ...(nodes.tags.size === 0 && nodes.targets.length === 0
      ? ['asked for a node without tags: give --tag or --target where the policies go by them']
      : []),
    ...(kind === 'role' ? ['of a role it is the trust policy that asks for MFA'] : []),
  ];
}
