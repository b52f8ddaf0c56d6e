import type { IamUser } from '../../iam/entities.ts';
import { randomIamId } from '../../identifiers.ts';
import type { QueryInput } from '../../http/query-input.ts';
import type { Call } from '../../http/service.ts';
import { ServiceError } from '../../service-error.ts';
import { boundaryOf, readBoundary } from './boundaries.ts';
import { deleteConflict } from './iam-directory.ts';
import { userElements } from './iam-elements.ts';
import {
  NAME_RULE,
  Pager,
  readPath,
  readPathPrefix,
  readTags,
  requestTagEntries,
  resourceTagEntries,
  USER_NAME_RULE,
} from './iam-operation.ts';
import type { IamContext, IamOperations } from './iam-operation.ts';

export function userOperations(iam: IamContext): IamOperations {
  const { directory, access, now } = iam;
  const pager = new Pager();
  return {
    CreateUser: (input, call) => {
      const path = readPath(input);
      const userName = input.requiredText('UserName', USER_NAME_RULE);
      const boundaryArn = readBoundary(input);
      const tags = readTags(input);
      input.check();
      const resource = directory.arn('user', path, userName);
      const context = { ...requestTagEntries(tags), 'iam:PermissionsBoundary': boundaryArn };
      access.require(call, { action: 'iam:CreateUser', resource, context });
      if (tags.size > 0) access.require(call, { action: 'iam:TagUser', resource, context });
      directory.refuseTaken('user', userName);
      const user: IamUser = {
        path,
        userName,
        userId: randomIamId('AIDA'),
        arn: resource,
        createdAtMs: now(),
        inlinePolicies: new Map(),
        attachedPolicies: new Set(),
        groups: new Set(),
        tags,
        accessKeys: [],
        mfaDevices: [],
        permissionsBoundary: boundaryOf(directory, boundaryArn),
      };
      directory.account.users.push(user);
      return { User: userElements(user, true) };
    },

    GetUser: (input, call) => {
      const user = namedUser(iam, 'iam:GetUser', input, call);
      return { User: userElements(user, true) };
    },

    ListUsers: (input, call) => {
      const prefix = readPathPrefix(input);
      const page = pager.read(input);
      input.check();
      access.require(call, {
        action: 'iam:ListUsers',
        resource: directory.arn('user', '/', ''),
      });
      const selected = directory.account.users.filter(({ path }) => path.startsWith(prefix));
      const { items, rest } = pager.page(selected, page, call, prefix);
      return { Users: { member: items.map((user) => userElements(user)) }, ...rest };
    },

    DeleteUser: (input, call) => {
      const user = requiredUser(iam, 'iam:DeleteUser', input, call);
      if (user.attachedPolicies.size > 0) throw deleteConflict('detach all policies');
      if (user.inlinePolicies.size > 0) throw deleteConflict('delete policies');
      if (user.groups.size > 0) throw deleteConflict('remove user from groups');
      if (user.accessKeys.length > 0) throw deleteConflict('delete access keys');
      if (user.mfaDevices.length > 0) throw deleteConflict('delete MFA device');
      const { users } = directory.account;
      users.splice(users.indexOf(user), 1);
      return {};
    },
  };
}

/**
 * The user `UserName` names, or else the one behind the caller's key, once the caller may do `action`
 * with it.
 */
export function namedUser(
  { directory, access }: IamContext,
  action: string,
  input: QueryInput,
  call: Call,
): IamUser {
  const name = input.text('UserName', NAME_RULE);
  input.check();
  if (name === undefined && call.caller.user === undefined) {
    throw new ServiceError(
      'ValidationError',
      'Must specify userName when calling with non-User credentials',
    );
  }
  requireOnUser({ directory, access }, action, name ?? call.caller.name, call);
  return directory.user(name ?? call.caller.name);
}

/** As {@link namedUser}, for operations that do not take the caller for granted. */
export function requiredUser(
  { directory, access }: IamContext,
  action: string,
  input: QueryInput,
  call: Call,
): IamUser {
  const name = input.requiredText('UserName', NAME_RULE);
  input.check();
  requireOnUser({ directory, access }, action, name, call);
  return directory.user(name);
}

function requireOnUser(
  { directory, access }: Pick<IamContext, 'directory' | 'access'>,
  action: string,
  name: string,
  call: Call,
): void {
  const resource = directory.arnOf('user', name);
  const tags = directory.account.users.find(({ arn }) => arn === resource)?.tags ?? new Map();
  access.require(call, { action, resource, context: resourceTagEntries(tags) });
}
