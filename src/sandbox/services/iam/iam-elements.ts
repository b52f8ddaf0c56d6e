import type { XmlValue } from '../../http/xml.ts';
import { isoSeconds } from '../iso-seconds.ts';
import type { IamGroup, IamRole, IamUser, ManagedPolicy } from '../../iam/entities.ts';
import type { IamDirectory } from './iam-directory.ts';
import { encodedDocument, tagElements } from './iam-operation.ts';

/**
 * A user as IAM shows it; lists leave out tags and boundary.
 * @param isDetailed as in GetUser and CreateUser
 */
export function userElements(user: IamUser, isDetailed = false): Record<string, XmlValue> {
  return {
    Path: user.path,
    UserName: user.userName,
    UserId: user.userId,
    Arn: user.arn,
    CreateDate: isoSeconds(user.createdAtMs),
    ...(isDetailed ? detailElements(user) : {}),
  };
}

export function groupElements(group: IamGroup): Record<string, XmlValue> {
  return {
    Path: group.path,
    GroupName: group.groupName,
    GroupId: group.groupId,
    Arn: group.arn,
    CreateDate: isoSeconds(group.createdAtMs),
  };
}

export function roleElements(role: IamRole, isDetailed = false): Record<string, XmlValue> {
  return {
    Path: role.path,
    RoleName: role.roleName,
    RoleId: role.roleId,
    Arn: role.arn,
    CreateDate: isoSeconds(role.createdAtMs),
    AssumeRolePolicyDocument: encodedDocument(role.trustPolicy.text),
    Description: role.description,
    MaxSessionDuration: role.maxSessionDurationS,
    ...(isDetailed ? { ...detailElements(role), RoleLastUsed: null } : {}),
  };
}

function detailElements({
  permissionsBoundary,
  tags,
}: IamUser | IamRole): Record<string, XmlValue> {
  return {
    PermissionsBoundary:
      permissionsBoundary === undefined
        ? undefined
        : {
            PermissionsBoundaryType: 'Policy',
            PermissionsBoundaryArn: permissionsBoundary.arn,
          },
    Tags: tags.size === 0 ? undefined : tagElements(tags),
  };
}

export function policyElements(
  directory: IamDirectory,
  policy: ManagedPolicy,
  isDetailed = false,
): Record<string, XmlValue> {
  const { users, groups, roles } = directory.account;
  const attached = [...users, ...groups, ...roles].filter(({ attachedPolicies }) =>
    attachedPolicies.has(policy),
  );
  const bounded = [...users, ...roles].filter((entity) => entity.permissionsBoundary === policy);
  return {
    PolicyName: policy.policyName,
    PolicyId: policy.policyId,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersionId,
    AttachmentCount: attached.length,
    PermissionsBoundaryUsageCount: bounded.length,
    IsAttachable: true,
    Description: isDetailed ? policy.description : undefined,
    CreateDate: isoSeconds(policy.createdAtMs),
    UpdateDate: isoSeconds(policy.updatedAtMs),
    Tags: isDetailed && policy.tags.size > 0 ? tagElements(policy.tags) : undefined,
  };
}
