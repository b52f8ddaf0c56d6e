import type { IamRole } from '../../iam/entities.ts';
import { randomIamId } from '../../identifiers.ts';
import { boundaryOf, readBoundary } from './boundaries.ts';
import { deleteConflict, limitExceeded } from './iam-directory.ts';
import { roleElements } from './iam-elements.ts';
import {
  documentSize,
  Pager,
  parseDocument,
  readDocument,
  readPath,
  readPathPrefix,
  readTags,
  requestTagEntries,
  resourceTagEntries,
  USER_NAME_RULE,
} from './iam-operation.ts';
import type { IamContext, IamOperations } from './iam-operation.ts';
import type { QueryInput } from '../../http/query-input.ts';
import type { Call } from '../../http/service.ts';

const TRUST_POLICY_SIZE = 2048;

export function roleOperations(iam: IamContext): IamOperations {
  const { directory, access, now } = iam;
  const pager = new Pager();
  return {
    CreateRole: (input, call) => {
      const path = readPath(input);
      const roleName = input.requiredText('RoleName', USER_NAME_RULE);
      const text = readDocument(input, 'AssumeRolePolicyDocument');
      const description = input.text('Description', { max: 1000 });
      const maxSessionDurationS =
        input.integer('MaxSessionDuration', { min: 3600, max: 43_200 }) ?? 3600;
      const boundaryArn = readBoundary(input);
      const tags = readTags(input);
      input.check();
      const resource = directory.arn('role', path, roleName);
      const context = { ...requestTagEntries(tags), 'iam:PermissionsBoundary': boundaryArn };
      access.require(call, { action: 'iam:CreateRole', resource, context });
      if (tags.size > 0) access.require(call, { action: 'iam:TagRole', resource, context });
      const trustPolicy = trustDocument(text);
      directory.refuseTaken('role', roleName);
      const role: IamRole = {
        path,
        roleName,
        roleId: randomIamId('AROA'),
        arn: resource,
        createdAtMs: now(),
        inlinePolicies: new Map(),
        attachedPolicies: new Set(),
        tags,
        trustPolicy,
        description,
        maxSessionDurationS,
        permissionsBoundary: boundaryOf(directory, boundaryArn),
      };
      directory.account.roles.push(role);
      return { Role: roleElements(role, true) };
    },

    GetRole: (input, call) => {
      return { Role: roleElements(namedRole(iam, 'iam:GetRole', input, call), true) };
    },

    ListRoles: (input, call) => {
      const prefix = readPathPrefix(input);
      const page = pager.read(input);
      input.check();
      const resource = directory.arn('role', '/', '');
      access.require(call, { action: 'iam:ListRoles', resource });
      const selected = directory.account.roles.filter(({ path }) => path.startsWith(prefix));
      const { items, rest } = pager.page(selected, page, call, prefix);
      return { Roles: { member: items.map((role) => roleElements(role)) }, ...rest };
    },

    UpdateAssumeRolePolicy: (input, call) => {
      const text = readDocument(input);
      const role = namedRole(iam, 'iam:UpdateAssumeRolePolicy', input, call);
      role.trustPolicy = trustDocument(text);
      return {};
    },

    DeleteRole: (input, call) => {
      const role = namedRole(iam, 'iam:DeleteRole', input, call);
      if (role.attachedPolicies.size > 0) throw deleteConflict('detach all policies');
      if (role.inlinePolicies.size > 0) throw deleteConflict('delete policies');
      const { roles } = directory.account;
      roles.splice(roles.indexOf(role), 1);
      return {};
    },
  };
}

function trustDocument(text: string) {
  if (documentSize(text) > TRUST_POLICY_SIZE) {
    throw limitExceeded(`Cannot exceed quota for ACLSizePerRole: ${TRUST_POLICY_SIZE}`);
  }
  return parseDocument(text, 'trust');
}

/** The role that `RoleName` names, once the caller may do `action` with it. */
function namedRole(
  { directory, access }: IamContext,
  action: string,
  input: QueryInput,
  call: Call,
): IamRole {
  const name = input.requiredText('RoleName', USER_NAME_RULE);
  input.check();
  const resource = directory.arnOf('role', name);
  const tags = directory.account.roles.find(({ arn }) => arn === resource)?.tags ?? new Map();
  access.require(call, { action, resource, context: resourceTagEntries(tags) });
  return directory.role(name);
}
