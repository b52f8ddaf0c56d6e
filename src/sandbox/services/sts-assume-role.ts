import type { CallerIdentity } from '../caller.ts';
import { managedSource } from '../iam/caller-policies.ts';
import type { IamRole } from '../iam/entities.ts';
import type { PolicySource } from '../iam-policy/evaluate.ts';
import { MalformedPolicy, parsePolicy } from '../iam-policy/policy-document.ts';
import { tagEntries } from '../iam-policy/request-context.ts';
import type { ContextValue } from '../iam-policy/request-context.ts';
import type { QueryOperation } from '../http/query-protocol.ts';
import type { QueryInput } from '../http/query-input.ts';
import type { Call } from '../http/service.ts';
import { ServiceError } from '../service-error.ts';
import { IamDirectory } from './iam/iam-directory.ts';
import { credentialElements, denied, readCode, redeemCode } from './sts-session.ts';
import type { StsOptions } from './sts-session.ts';

const ROLE_DURATION_S = { min: 900, max: 43_200, default: 3600 } as const;
/** Roles assumed with temporary credentials live an hour at most (role chaining). */
const CHAINED_MAX_S = 3600;
const NAME_RULE = { min: 2, max: 64, pattern: /^[\w+=,.@-]*$/ } as const;
const EXTERNAL_ID_RULE = { min: 2, max: 1224, pattern: /^[\w+=,.@:/-]*$/ } as const;
const SESSION_POLICY_SIZE = 2048;
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** AssumeRole: what the role's trust policy, and the caller's own, say to it. */
export function assumeRole(options: StsOptions): QueryOperation {
  const directory = new IamDirectory(options.account);
  return (input, call) => {
    const { caller } = call;
    const roleArn = input.requiredText('RoleArn', { min: 20, max: 2048 });
    const sessionName = input.requiredText('RoleSessionName', NAME_RULE);
    const seconds = input.integer('DurationSeconds', ROLE_DURATION_S) ?? ROLE_DURATION_S.default;
    const externalId = input.text('ExternalId', EXTERNAL_ID_RULE);
    const sourceIdentity = input.text('SourceIdentity', NAME_RULE);
    const code = readCode(input);
    const tags = readSessionTags(input, caller);
    const sessionPolicies = readSessionPolicies(input, directory);
    input.check();

    const role = options.account.roles.find(({ arn }) => arn === roleArn);
    // Whether a code was given is asked before it is checked: a request that fails here has not spent it.
    const mfaEntries: Record<string, ContextValue> =
      code.tokenCode === undefined
        ? {}
        : { 'aws:MultiFactorAuthPresent': true, 'aws:MultiFactorAuthAge': 0 };
    const context: Record<string, ContextValue> = {
      ...mfaEntries,
      'sts:ExternalId': externalId,
      'sts:RoleSessionName': sessionName,
      'sts:SourceIdentity': sourceIdentity,
      ...tagEntries('aws:RequestTag/', tags.all),
      'aws:TagKeys': tags.all.size === 0 ? undefined : [...tags.all.keys()],
      ...tagEntries('aws:ResourceTag/', role?.tags ?? new Map()),
    };
    const actions = [
      'sts:AssumeRole',
      ...(tags.all.size > 0 ? ['sts:TagSession'] : []),
      ...(sourceIdentity === undefined ? [] : ['sts:SetSourceIdentity']),
    ];
    for (const action of actions) requireTrust(options, call, { action, role, roleArn, context });
    // What follows exists: the trust policy has let the caller in.
    if (role === undefined) throw new Error('a role that is not there was assumed');
    checkRoleDuration(role, caller, seconds);
    redeemCode(options, caller, code);

    const assumed = {
      accountId: caller.accountId,
      arn: `arn:aws:sts::${caller.accountId}:assumed-role/${role.roleName}/${sessionName}`,
      userId: `${role.roleId}:${sessionName}`,
    };
    const issued = options.credentials.issue(
      {
        ...assumed,
        name: sessionName,
        kind: 'role-session',
        mfaAuthenticated: false,
        roleArn,
        ...(sessionPolicies === undefined ? {} : { sessionPolicies }),
        sessionTags: tags.all,
        transitiveTagKeys: tags.transitiveKeys,
      },
      seconds,
    );
    return {
      Credentials: credentialElements(issued),
      AssumedRoleUser: { AssumedRoleId: assumed.userId, Arn: assumed.arn },
      SourceIdentity: sourceIdentity,
    };
  };
}

/** @throws ServiceError AccessDenied, in the same words for a role that is not there */
function requireTrust(
  { access }: StsOptions,
  call: Call,
  request: {
    action: string;
    role: IamRole | undefined;
    roleArn: string;
    context: Record<string, ContextValue>;
  },
): void {
  const { action, role, roleArn, context } = request;
  const { caller } = call;
  const evaluation =
    role &&
    access.decide(
      call,
      { action, resource: roleArn, context },
      {
        source: { id: 'AssumeRolePolicy', type: 'resource', policy: role.trustPolicy.policy },
        principal: { accountId: caller.accountId, arn: caller.arn, roleArn: caller.roleArn },
      },
    );
  if (evaluation?.decision === 'allowed') return;
  throw denied(
    `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${roleArn}`,
  );
}

/** Over the limit is an error, never silently less. */
function checkRoleDuration(role: IamRole, caller: CallerIdentity, seconds: number): void {
  if (seconds > role.maxSessionDurationS) {
    throw new ServiceError(
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  }
  if (caller.kind !== 'user' && seconds > CHAINED_MAX_S) {
    throw new ServiceError(
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
    );
  }
}

/** Session tags: those given, over those that the caller's session passes on. */
function readSessionTags(
  input: QueryInput,
  caller: CallerIdentity,
): { all: Map<string, string>; transitiveKeys: string[] } {
  const all = new Map<string, string>();
  for (const key of caller.transitiveTagKeys ?? []) {
    const value = caller.sessionTags?.get(key);
    if (value !== undefined) all.set(key, value);
  }
  for (const member of input.structures('Tags.member')) {
    const key = member.requiredText('Key', { min: 1, max: 128, pattern: TAG_TEXT });
    const value = member.requiredText('Value', { max: 256, pattern: TAG_TEXT });
    member.check();
    if (caller.transitiveTagKeys?.includes(key) === true) {
      const message =
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.";
      throw new ServiceError('InvalidParameterValue', message);
    }
    all.set(key, value);
  }
  const transitiveKeys = input.list('TransitiveTagKeys.member');
  if (transitiveKeys.some((key) => !all.has(key))) {
    throw new ServiceError(
      'InvalidParameterValue',
      'The specified transitive tag key must be included in the requested tags.',
    );
  }
  return { all, transitiveKeys: [...(caller.transitiveTagKeys ?? []), ...transitiveKeys] };
}

/** `Policy` and `PolicyArns`; undefined when the session is not narrowed. */
function readSessionPolicies(
  input: QueryInput,
  directory: IamDirectory,
): PolicySource[] | undefined {
  const text = input.text('Policy', { min: 1, max: SESSION_POLICY_SIZE });
  const managed = input
    .structures('PolicyArns.member')
    .map((member) => member.requiredText('arn', { min: 20, max: 2048 }))
    .map((arn) => {
      const policy = directory.policy(arn);
      if (policy !== undefined) return managedSource(policy);
      throw new ServiceError('MalformedPolicyDocument', `The policy ${arn} does not exist.`);
    });
  if (text === undefined) return managed.length === 0 ? undefined : managed;
  try {
    return [{ id: 'Policy', type: 'none', policy: parsePolicy(text) }, ...managed];
  } catch (error) {
    if (!(error instanceof MalformedPolicy)) throw error;
    throw new ServiceError('MalformedPolicyDocument', error.message);
  }
}
