import type { SandboxAccount } from '../account.ts';
import type { CallerIdentity } from '../caller.ts';
import { RequestContext, tagEntries } from '../iam-policy/request-context.ts';
import type { ContextValue } from '../iam-policy/request-context.ts';

/** What the global keys tell of a request besides its caller. */
export interface RequestFacts {
  readonly region: string;
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
  readonly nowMs: number;
}

/**
 * The global condition keys of a request (IAM User Guide, "AWS global condition context keys"). The
 * sandbox speaks HTTP on loopback in the place of HTTPS, so that `aws:SecureTransport` is true.
 */
export function callerContext(
  account: SandboxAccount,
  caller: CallerIdentity,
  facts: RequestFacts,
): RequestContext {
  return RequestContext.of({
    'aws:CurrentTime': new Date(facts.nowMs).toISOString(),
    'aws:EpochTime': Math.floor(facts.nowMs / 1000),
    'aws:SecureTransport': true,
    'aws:SourceIp': facts.sourceIp,
    'aws:UserAgent': facts.userAgent,
    'aws:RequestedRegion': facts.region,
    'aws:ViaAWSService': false,
    ...principalEntries(account, caller),
    ...mfaEntries(caller, facts.nowMs),
  });
}

/** Keys that tell who asks. */
export function principalEntries(
  account: SandboxAccount,
  caller: CallerIdentity,
): Record<string, ContextValue> {
  const { user, roleArn, userId, accountId } = caller;
  const role = account.roles.find(({ arn }) => arn === roleArn);
  const tags = user?.tags ?? new Map([...(role?.tags ?? []), ...(caller.sessionTags ?? [])]);
  return {
    'aws:PrincipalArn': roleArn ?? caller.arn,
    'aws:PrincipalAccount': accountId,
    'aws:PrincipalType': user === undefined ? 'AssumedRole' : 'User',
    'aws:PrincipalIsAWSService': false,
    'aws:userid': userId,
    // A role session has no user name.
    'aws:username': user?.userName,
    ...tagEntries('aws:PrincipalTag/', tags),
  };
}

/** Long-term keys bring no MFA keys at all; temporary ones always say yes or no, and yes with an age. */
function mfaEntries(caller: CallerIdentity, nowMs: number): Record<string, ContextValue> {
  if (caller.kind === 'user') return {};
  const { mfaAuthenticated, issuedAtMs } = caller;
  return {
    'aws:MultiFactorAuthPresent': mfaAuthenticated,
    'aws:MultiFactorAuthAge':
      mfaAuthenticated && issuedAtMs !== undefined
        ? Math.floor((nowMs - issuedAtMs) / 1000)
        : undefined,
    'aws:TokenIssueTime': issuedAtMs === undefined ? undefined : new Date(issuedAtMs).toISOString(),
  };
}
