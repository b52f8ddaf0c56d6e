/** Users, groups and roles, as an administrator keeps them. */
import { DevaccessError } from '../platform/errors.ts';
import type { ClientOptions } from './client-settings.ts';
import { iamCall } from './iam-calls.ts';

export interface GroupState {
  /** Names. */
  members: string[];
  /** The inline policy that was asked for; undefined for none. */
  policy: string | undefined;
}

export interface UserState {
  arn: string;
  tags: Map<string, string>;
  /** ARN */
  boundary: string | undefined;
}

/** More than a group of people has. */
const MAX_PAGES = 50;

/** Undefined for no group. @throws DevaccessError those of `iamError` */
export async function readGroup(
  options: ClientOptions,
  name: string,
  policyName: string,
): Promise<GroupState | undefined> {
  const members = await unlessMissing(() => readMembers(options, name));
  if (members === undefined) return undefined;
  const policy = await unlessMissing(() =>
    iamCall(options, { operation: 'GetGroupPolicy' }, async (client) => {
      const { GetGroupPolicyCommand } = await import('./iam-commands.ts');
      const asked = { GroupName: name, PolicyName: policyName };
      const { PolicyDocument = '' } = await client.send(new GetGroupPolicyCommand(asked));
      return decodeURIComponent(PolicyDocument);
    }),
  );
  return { members, policy };
}

function readMembers(options: ClientOptions, name: string): Promise<string[]> {
  return iamCall(options, { operation: 'GetGroup' }, async (client) => {
    const { GetGroupCommand } = await import('./iam-commands.ts');
    const members: string[] = [];
    let marker: string | undefined;
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const answer = await client.send(new GetGroupCommand({ GroupName: name, Marker: marker }));
      members.push(...(answer.Users ?? []).flatMap(({ UserName }) => UserName ?? []));
      if (answer.IsTruncated !== true || answer.Marker === undefined) break;
      marker = answer.Marker;
    }
    return members;
  });
}

/** Undefined for no user. @throws DevaccessError those of `iamError` */
export function readUser(options: ClientOptions, name: string): Promise<UserState | undefined> {
  return unlessMissing(() =>
    iamCall(options, { operation: 'GetUser' }, async (client) => {
      const { GetUserCommand } = await import('./iam-commands.ts');
      const { User: user } = await client.send(new GetUserCommand({ UserName: name }));
      const tags = (user?.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value] as const);
      const boundary = user?.PermissionsBoundary?.PermissionsBoundaryArn;
      return { arn: user?.Arn ?? '', tags: new Map(tags), boundary };
    }),
  );
}

/** Undefined for no role. @throws DevaccessError those of `iamError` */
export function readRoleArn(options: ClientOptions, name: string): Promise<string | undefined> {
  return unlessMissing(() =>
    iamCall(options, { operation: 'GetRole' }, async (client) => {
      const { GetRoleCommand } = await import('./iam-commands.ts');
      const { Role: role } = await client.send(new GetRoleCommand({ RoleName: name }));
      return role?.Arn ?? '';
    }),
  );
}

/** A change that IAM is asked for, by its own name and parameters. */
export type Change =
  | { operation: 'CreateGroup' | 'DeleteGroup'; GroupName: string }
  | { operation: 'PutGroupPolicy'; GroupName: string; PolicyName: string; PolicyDocument: string }
  | { operation: 'DeleteGroupPolicy'; GroupName: string; PolicyName: string }
  | {
      operation: 'CreateUser';
      UserName: string;
      PermissionsBoundary?: string;
      Tags: { Key: string; Value: string }[];
    }
  | { operation: 'DeleteUser'; UserName: string }
  | { operation: 'TagUser'; UserName: string; Tags: { Key: string; Value: string }[] }
  | { operation: 'PutUserPermissionsBoundary'; UserName: string; PermissionsBoundary: string }
  | { operation: 'AddUserToGroup' | 'RemoveUserFromGroup'; GroupName: string; UserName: string };

/** @throws DevaccessError those of `iamError` */
export function change(options: ClientOptions, asked: Change): Promise<void> {
  return iamCall(options, { operation: asked.operation }, async (client) => {
    const iam = await import('./iam-commands.ts');
    switch (asked.operation) {
      case 'CreateGroup':
        await client.send(new iam.CreateGroupCommand(asked));
        return;
      case 'DeleteGroup':
        await client.send(new iam.DeleteGroupCommand(asked));
        return;
      case 'PutGroupPolicy':
        await client.send(new iam.PutGroupPolicyCommand(asked));
        return;
      case 'DeleteGroupPolicy':
        await client.send(new iam.DeleteGroupPolicyCommand(asked));
        return;
      case 'CreateUser':
        await client.send(new iam.CreateUserCommand(asked));
        return;
      case 'DeleteUser':
        await client.send(new iam.DeleteUserCommand(asked));
        return;
      case 'TagUser':
        await client.send(new iam.TagUserCommand(asked));
        return;
      case 'PutUserPermissionsBoundary':
        await client.send(new iam.PutUserPermissionsBoundaryCommand(asked));
        return;
      case 'AddUserToGroup':
        await client.send(new iam.AddUserToGroupCommand(asked));
        return;
      case 'RemoveUserFromGroup':
        await client.send(new iam.RemoveUserFromGroupCommand(asked));
        return;
      default:
        return asked satisfies never;
    }
  });
}

async function unlessMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DevaccessError && error.code === 'DA_IAM_NOT_FOUND') return undefined;
    throw error;
  }
}
