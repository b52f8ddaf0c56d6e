import type { ManagedPolicy } from '../../iam/entities.ts';
import type { QueryInput } from '../../http/query-input.ts';
import { noSuchEntity } from './iam-directory.ts';
import type { IamDirectory } from './iam-directory.ts';
import { ARN_RULE, NAME_RULE } from './iam-operation.ts';
import type { IamContext, IamOperations } from './iam-operation.ts';

/** `PermissionsBoundary`: ARN of a managed policy. */
export function readBoundary(input: QueryInput): string | undefined {
  return input.text('PermissionsBoundary', ARN_RULE);
}

/** @throws ServiceError NoSuchEntity */
export function boundaryOf(
  directory: IamDirectory,
  arn: string | undefined,
): ManagedPolicy | undefined {
  if (arn === undefined) return undefined;
  const policy = directory.policy(arn);
  if (policy === undefined) {
    throw noSuchEntity(`Scope ARN: ${arn} does not exist or is not attachable.`);
  }
  return policy;
}

export function boundaryOperations({ directory, access }: IamContext): IamOperations {
  const operations = (kind: 'User' | 'Role'): IamOperations => {
    const type = kind === 'User' ? 'user' : 'role';
    return {
      [`Put${kind}PermissionsBoundary`]: (input, call) => {
        const name = input.requiredText(`${kind}Name`, NAME_RULE);
        const boundaryArn = input.requiredText('PermissionsBoundary', ARN_RULE);
        input.check();
        access.require(call, {
          action: `iam:Put${kind}PermissionsBoundary`,
          resource: directory.arnOf(type, name),
          context: { 'iam:PermissionsBoundary': boundaryArn },
        });
        directory[type](name).permissionsBoundary = boundaryOf(directory, boundaryArn);
        return {};
      },
      [`Delete${kind}PermissionsBoundary`]: (input, call) => {
        const name = input.requiredText(`${kind}Name`, NAME_RULE);
        input.check();
        const resource = directory.arnOf(type, name);
        const { users, roles } = directory.account;
        const boundary = [...users, ...roles].find(({ arn }) => arn === resource);
        access.require(call, {
          action: `iam:Delete${kind}PermissionsBoundary`,
          resource,
          context: { 'iam:PermissionsBoundary': boundary?.permissionsBoundary?.arn },
        });
        directory[type](name).permissionsBoundary = undefined;
        return {};
      },
    };
  };
  return { ...operations('User'), ...operations('Role') };
}
