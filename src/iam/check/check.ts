import type { CallerIdentity } from '../../aws/caller-identity.ts';
import type { ClientOptions } from '../../aws/client-settings.ts';
import { EXIT } from '../../platform/errors.ts';
import { accessRequest } from '../policy/access-request.ts';
import type { AccessRequest, AccessWords } from '../policy/access-request.ts';
import { DEFAULT_FEATURES, FEATURES } from '../policy/features.ts';
import type { Feature } from '../policy/features.ts';
import type { PolicyStatement } from '../policy/policy-document.ts';
import { featureCalls } from './feature-calls.ts';
import type { FeatureCall } from './feature-calls.ts';
import { chooseMethod } from './decide.ts';
import type { Decide } from './decide.ts';
import { subjectOf } from './subject.ts';
import type { Subject } from './subject.ts';

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
  const { arn, triedBecause, decide } = await chooseMethod(all, request, subject, {
    client,
    isCaller: words.as === undefined,
  });

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
    identity: { arn, kind: subject.kind, name: subject.name },
    method: triedBecause === undefined ? 'simulated' : 'tried',
    regions: request.place.regions,
    features,
    statements: distinctBySid([...lacking]),
    notices: notices(triedBecause, subject, request, await hasLongTermKey(client)),
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

async function hasLongTermKey({ credentials }: ClientOptions): Promise<boolean> {
  const { sessionToken } = typeof credentials === 'function' ? await credentials() : credentials;
  return sessionToken === undefined;
}

function notices(
  triedBecause: string | undefined,
  { kind }: Subject,
  { nodes }: AccessRequest,
  isLongTerm: boolean,
): string[] {
  return [
    triedBecause === undefined
      ? 'simulated by IAM: what hangs on source addresses, times or tags that are not given here is not judged'
      : `${triedBecause}: calls that change nothing were tried, with the credentials as they are`,
    ...(triedBecause !== undefined && isLongTerm
      ? [
          'these are long-term keys, without MFA: what is allowed with it counts as missing; devaccess mfa first',
        ]
      : []),
    ...(nodes.tags.size === 0 && nodes.targets.length === 0
      ? ['asked for a node without tags: give --tag or --target where the policies go by them']
      : []),
    ...(kind === 'role' ? ['of a role it is the trust policy that asks for MFA'] : []),
  ];
}
