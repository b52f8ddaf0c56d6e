import type { Principals } from './policy-document.ts';

/** Who asks, for a policy that names principals. */
export interface RequestingPrincipal {
  readonly accountId: string;
  /** The user's ARN, or the session's `assumed-role` ARN. */
  readonly arn: string;
  /** The role behind a session. */
  readonly roleArn?: string | undefined;
}

/** A service of AWS that asks on behalf of others, such as `rolesanywhere.amazonaws.com`. */
export interface RequestingService {
  readonly service: string;
}

/**
 * How a principal is named: by its own ARN (or as anyone), by the role behind its session, or by its
 * account alone, which leaves the grant to the account's own policies.
 */
export type PrincipalMatch = 'self' | 'role' | 'account' | 'none';

export function matchesPrincipal(
  principals: Principals | undefined,
  asking: RequestingPrincipal | RequestingService,
): PrincipalMatch {
  if (principals === undefined) return 'none';
  const { aws, anyone, services } = principals;
  if ('service' in asking) return services.includes(asking.service) ? 'self' : 'none';
  const { accountId, arn, roleArn } = asking;
  if (aws.includes(arn)) return 'self';
  if (anyone) return roleArn === undefined ? 'self' : 'role';
  if (roleArn !== undefined && aws.includes(roleArn)) return 'role';
  const isAccount = aws.some(
    (each) => each === accountId || each.endsWith(`:iam::${accountId}:root`),
  );
  return isAccount ? 'account' : 'none';
}
