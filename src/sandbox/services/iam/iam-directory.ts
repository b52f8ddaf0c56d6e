import type { SandboxAccount } from '../../account.ts';
import { AWS_MANAGED_POLICIES } from '../../iam/aws-managed-policies.ts';
import type { IamGroup, IamRole, IamUser, ManagedPolicy } from '../../iam/entities.ts';
import { ServiceError } from '../../service-error.ts';

/** Names are unique whatever their case, but looked up in the case they were given. */
const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** Finds the entities of an account, with IAM's errors for those that are not there. */
export class IamDirectory {
  readonly account: SandboxAccount;

  constructor(account: SandboxAccount) {
    this.account = account;
  }

  user(name: string): IamUser {
    return (
      this.account.users.find(({ userName }) => sameName(userName, name)) ?? notFound('user', name)
    );
  }

  group(name: string): IamGroup {
    return (
      this.account.groups.find(({ groupName }) => sameName(groupName, name)) ??
      notFound('group', name)
    );
  }

  role(name: string): IamRole {
    return (
      this.account.roles.find(({ roleName }) => sameName(roleName, name)) ?? notFound('role', name)
    );
  }

  /** A policy of the account or of AWS. */
  policy(arn: string): ManagedPolicy | undefined {
    return this.policies().find((policy) => policy.arn === arn);
  }

  policies(): ManagedPolicy[] {
    return [...this.account.policies, ...AWS_MANAGED_POLICIES];
  }

  members(group: IamGroup): IamUser[] {
    return this.account.users.filter(({ groups }) => groups.has(group));
  }

  /** `arn:aws:iam::ACCOUNT:<type>/<path><name>` */
  arn(type: 'user' | 'group' | 'role' | 'policy' | 'mfa', path: string, name: string): string {
    return `arn:aws:iam::${this.account.accountId}:${type}${path}${name}`;
  }

  /**
   * The ARN that a call about a name is checked against, whether there is such an entity or not: who
   * may not ask does not learn what exists.
   */
  arnOf(type: 'user' | 'group' | 'role', name: string): string {
    const { users, groups, roles } = this.account;
    const known =
      type === 'user'
        ? users.find(({ userName }) => sameName(userName, name))
        : type === 'group'
          ? groups.find(({ groupName }) => sameName(groupName, name))
          : roles.find(({ roleName }) => sameName(roleName, name));
    return known?.arn ?? this.arn(type, '/', name);
  }

  refuseTaken(type: 'user' | 'group' | 'role', name: string): void {
    const { users, groups, roles } = this.account;
    const names = {
      user: users.map(({ userName }) => userName),
      group: groups.map(({ groupName }) => groupName),
      role: roles.map(({ roleName }) => roleName),
    }[type];
    if (!names.some((taken) => sameName(taken, name))) return;
    const kind = `${type.charAt(0).toUpperCase()}${type.slice(1)}`;
    throw exists(`${kind} with name ${name} already exists.`);
  }
}

function notFound(type: string, name: string): never {
  throw noSuchEntity(`The ${type} with name ${name} cannot be found.`);
}

export function noSuchEntity(message: string): ServiceError {
  return new ServiceError('NoSuchEntity', message, 404);
}

export function exists(message: string): ServiceError {
  return new ServiceError('EntityAlreadyExists', message, 409);
}

export function limitExceeded(message: string): ServiceError {
  return new ServiceError('LimitExceeded', message, 409);
}

export function deleteConflict(what: string): ServiceError {
  return new ServiceError('DeleteConflict', `Cannot delete entity, must ${what} first.`, 409);
}
