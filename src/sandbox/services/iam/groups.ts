import type { IamGroup } from '../../iam/entities.ts';
import { randomIamId } from '../../identifiers.ts';
import { deleteConflict, limitExceeded } from './iam-directory.ts';
import { groupElements, userElements } from './iam-elements.ts';
import { NAME_RULE, Pager, readPath, readPathPrefix } from './iam-operation.ts';
import type { IamContext, IamOperations } from './iam-operation.ts';
import { requiredUser } from './users.ts';

const GROUPS_PER_USER = 10;

export function groupOperations(iam: IamContext): IamOperations {
  const { directory, access, now } = iam;
  const pager = new Pager();
  return {
    CreateGroup: (input, call) => {
      const path = readPath(input);
      const groupName = input.requiredText('GroupName', NAME_RULE);
      input.check();
      const resource = directory.arn('group', path, groupName);
      access.require(call, { action: 'iam:CreateGroup', resource });
      directory.refuseTaken('group', groupName);
      const group: IamGroup = {
        path,
        groupName,
        groupId: randomIamId('AGPA'),
        arn: resource,
        createdAtMs: now(),
        inlinePolicies: new Map(),
        attachedPolicies: new Set(),
      };
      directory.account.groups.push(group);
      return { Group: groupElements(group) };
    },

    GetGroup: (input, call) => {
      const name = input.requiredText('GroupName', NAME_RULE);
      const page = pager.read(input);
      input.check();
      access.require(call, { action: 'iam:GetGroup', resource: directory.arnOf('group', name) });
      const group = directory.group(name);
      const { items, rest } = pager.page(directory.members(group), page, call, 'users', name);
      return {
        Group: groupElements(group),
        Users: { member: items.map((user) => userElements(user)) },
        ...rest,
      };
    },

    ListGroups: (input, call) => {
      const prefix = readPathPrefix(input);
      const page = pager.read(input);
      input.check();
      const resource = directory.arn('group', '/', '');
      access.require(call, { action: 'iam:ListGroups', resource });
      const selected = directory.account.groups.filter(({ path }) => path.startsWith(prefix));
      const { items, rest } = pager.page(selected, page, call, 'all', prefix);
      return { Groups: { member: items.map(groupElements) }, ...rest };
    },

    ListGroupsForUser: (input, call) => {
      const page = pager.read(input);
      const user = requiredUser(iam, 'iam:ListGroupsForUser', input, call);
      const { items, rest } = pager.page([...user.groups], page, call, 'of', user.userName);
      return { Groups: { member: items.map(groupElements) }, ...rest };
    },

    DeleteGroup: (input, call) => {
      const name = input.requiredText('GroupName', NAME_RULE);
      input.check();
      access.require(call, { action: 'iam:DeleteGroup', resource: directory.arnOf('group', name) });
      const group = directory.group(name);
      if (group.attachedPolicies.size > 0) throw deleteConflict('detach all policies');
      if (group.inlinePolicies.size > 0) throw deleteConflict('delete policies');
      if (directory.members(group).length > 0) throw deleteConflict('remove users from group');
      const { groups } = directory.account;
      groups.splice(groups.indexOf(group), 1);
      return {};
    },

    ...membershipOperations(iam),
  };
}

/** Both take what is so already: adding a member again is no error. */
function membershipOperations({ directory, access }: IamContext): IamOperations {
  const operation =
    (action: string, change: (groups: Set<IamGroup>, group: IamGroup) => void) =>
    (...[input, call]: Parameters<IamOperations[string]>) => {
      const groupName = input.requiredText('GroupName', NAME_RULE);
      const userName = input.requiredText('UserName', NAME_RULE);
      input.check();
      access.require(call, { action, resource: directory.arnOf('group', groupName) });
      change(directory.user(userName).groups, directory.group(groupName));
      return {};
    };
  return {
    AddUserToGroup: operation('iam:AddUserToGroup', (groups, group) => {
      if (!groups.has(group) && groups.size >= GROUPS_PER_USER) {
        throw limitExceeded(`Cannot exceed quota for GroupsPerUser: ${GROUPS_PER_USER}`);
      }
      groups.add(group);
    }),
    RemoveUserFromGroup: operation('iam:RemoveUserFromGroup', (groups, group) => {
      groups.delete(group);
    }),
  };
}
