import type { SandboxAccount } from '../account.ts';
import type { CallerIdentity } from '../caller.ts';
import type { PolicySet, PolicySource } from '../iam-policy/evaluate.ts';
import { defaultVersion } from './entities.ts';
import type { IamGroup, IamRole, IamUser, ManagedPolicy } from './entities.ts';

/** The policies that count for a caller; those of a role that was deleted are none. */
export function callerPolicies(account: SandboxAccount, caller: CallerIdentity): PolicySet {
  if (caller.user !== undefined) return userPolicies(caller.user);
  const role = account.roles.find(({ arn }) => arn === caller.roleArn);
  if (role === undefined) return { identity: [] };
  return { ...rolePolicies(role), session: caller.sessionPolicies };
}

export function userPolicies(user: IamUser): PolicySet {
  return {
    identity: [...held(user, 'user'), ...[...user.groups].flatMap(groupPolicies)],
    boundary: boundary(user.permissionsBoundary),
  };
}

export function rolePolicies(role: IamRole): PolicySet {
  return { identity: held(role, 'role'), boundary: boundary(role.permissionsBoundary) };
}

export function groupPolicies(group: IamGroup): PolicySource[] {
  return held(group, 'group');
}

function held(
  { inlinePolicies, attachedPolicies }: IamUser | IamGroup | IamRole,
  type: 'user' | 'group' | 'role',
): PolicySource[] {
  const inline = [...inlinePolicies].map(([id, { policy }]): PolicySource => ({
    id,
    type,
    policy,
  }));
  return [...inline, ...[...attachedPolicies].map(managedSource)];
}

export function managedSource(managed: ManagedPolicy): PolicySource {
  return {
    id: managed.policyName,
    type: managed.arn.includes('::aws:policy/') ? 'aws-managed' : 'user-managed',
    policy: defaultVersion(managed).policy,
  };
}

function boundary(policy: ManagedPolicy | undefined): PolicySource[] | undefined {
  return policy === undefined ? undefined : [managedSource(policy)];
}
