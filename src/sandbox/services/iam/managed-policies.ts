import type { ManagedPolicy } from '../../iam/entities.ts';
import { managedPolicy } from '../../iam/stored-policy.ts';
import type { QueryInput } from '../../http/query-input.ts';
import type { Call } from '../../http/service.ts';
import type { XmlValue } from '../../http/xml.ts';
import { ServiceError } from '../../service-error.ts';
import { isoSeconds } from '../iso-seconds.ts';
import { exists, limitExceeded, noSuchEntity } from './iam-directory.ts';
import { policyElements } from './iam-elements.ts';
import {
  ARN_RULE,
  documentSize,
  encodedDocument,
  NAME_RULE,
  Pager,
  parseDocument,
  readDocument,
  readPath,
  readPathPrefix,
  readTags,
} from './iam-operation.ts';
import type { IamContext, IamOperations } from './iam-operation.ts';

const POLICY_SIZE = 6144;
const VERSIONS = 5;
const VERSION_RULE = { pattern: /^v[1-9][0-9]*(\.[A-Za-z0-9-]*)?$/ } as const;

export function managedPolicyOperations(iam: IamContext): IamOperations {
  const { directory, access, now } = iam;
  const pager = new Pager();
  return {
    CreatePolicy: (input, call) => {
      const path = readPath(input);
      const policyName = input.requiredText('PolicyName', NAME_RULE);
      const text = readDocument(input);
      const description = input.text('Description', { max: 1000 });
      const tags = readTags(input);
      input.check();
      const resource = directory.arn('policy', path, policyName);
      const label = `policy ${policyName}`;
      access.require(call, { action: 'iam:CreatePolicy', resource, label });
      const document = sizedDocument(text);
      const { policies } = directory.account;
      if (policies.some((known) => known.policyName.toLowerCase() === policyName.toLowerCase())) {
        throw exists(
          `A policy called ${policyName} already exists. Duplicate names are not allowed.`,
        );
      }
      const owner = directory.account.accountId;
      const policy: ManagedPolicy = {
        ...managedPolicy({ owner, path, policyName, description, document, nowMs: now() }),
        tags,
      };
      policies.push(policy);
      return { Policy: policyElements(directory, policy, true) };
    },

    GetPolicy: (input, call) => ({
      Policy: policyElements(directory, namedPolicy(iam, 'iam:GetPolicy', input, call), true),
    }),

    ListPolicies: (input, call) => {
      const scope = input.text('Scope', { oneOf: ['All', 'AWS', 'Local'] }) ?? 'All';
      const attachedOnly = input.text('OnlyAttached', { oneOf: ['true', 'false'] }) === 'true';
      const prefix = readPathPrefix(input);
      const page = pager.read(input);
      input.check();
      access.require(call, {
        action: 'iam:ListPolicies',
        resource: directory.arn('policy', '/', ''),
        label: 'policy path /',
      });
      const selected = directory
        .policies()
        .filter(
          (policy) =>
            scope === 'All' || isOwn(directory.account.policies, policy) === (scope === 'Local'),
        )
        .filter(({ path }) => path.startsWith(prefix))
        .map((policy) => policyElements(directory, policy))
        .filter(({ AttachmentCount }) => !attachedOnly || AttachmentCount !== 0);
      const { items, rest } = pager.page(selected, page, call, scope, String(attachedOnly), prefix);
      return { Policies: { member: items }, ...rest };
    },

    DeletePolicy: (input, call) => {
      const policy = ownPolicy(iam, 'iam:DeletePolicy', input, call);
      const conflict = (message: string): ServiceError =>
        new ServiceError('DeleteConflict', message, 409);
      const { AttachmentCount, PermissionsBoundaryUsageCount } = policyElements(directory, policy);
      if (AttachmentCount !== 0 || PermissionsBoundaryUsageCount !== 0) {
        throw conflict('Cannot delete a policy attached to entities.');
      }
      if (policy.versions.length > 1) {
        throw conflict(
          "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
        );
      }
      const { policies } = directory.account;
      policies.splice(policies.indexOf(policy), 1);
      return {};
    },

    ListEntitiesForPolicy: (input, call) => {
      const filter = input.text('EntityFilter', {
        oneOf: ['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy'],
      });
      const usage = input.text('PolicyUsageFilter', {
        oneOf: ['PermissionsPolicy', 'PermissionsBoundary'],
      });
      const page = pager.read(input);
      const policy = namedPolicy(iam, 'iam:ListEntitiesForPolicy', input, call);
      const entities = entitiesOf(iam, policy, usage).filter(
        ({ kind }) => filter === undefined || kind === filter,
      );
      const { items, rest } = pager.page(entities, page, call, policy.arn, filter, usage);
      const ofKind = (kind: string): XmlValue => ({
        member: items.filter((item) => item.kind === kind).map(({ elements }) => elements),
      });
      return {
        PolicyGroups: ofKind('Group'),
        PolicyUsers: ofKind('User'),
        PolicyRoles: ofKind('Role'),
        ...rest,
      };
    },

    ...versionOperations(iam),
  };
}

function versionOperations(iam: IamContext): IamOperations {
  const { now } = iam;
  const pager = new Pager();
  return {
    CreatePolicyVersion: (input, call) => {
      const text = readDocument(input);
      const setAsDefault = input.text('SetAsDefault', { oneOf: ['true', 'false'] }) === 'true';
      const policy = ownPolicy(iam, 'iam:CreatePolicyVersion', input, call);
      const document = sizedDocument(text);
      if (policy.versions.length >= VERSIONS) {
        throw limitExceeded(
          `A managed policy can have up to ${VERSIONS} versions. Before you create a new version, you must delete an existing version.`,
        );
      }
      policy.lastVersion += 1;
      const versionId = `v${policy.lastVersion}`;
      policy.versions.push({ ...document, versionId, createdAtMs: now() });
      policy.updatedAtMs = now();
      if (setAsDefault) policy.defaultVersionId = versionId;
      return { PolicyVersion: versionElements(policy, versionId) };
    },

    GetPolicyVersion: (input, call) => {
      const versionId = input.requiredText('VersionId', VERSION_RULE);
      const policy = namedPolicy(iam, 'iam:GetPolicyVersion', input, call);
      const { text } = findVersion(policy, versionId);
      const { CreateDate, ...facts } = versionElements(policy, versionId);
      return { PolicyVersion: { Document: encodedDocument(text), ...facts, CreateDate } };
    },

    ListPolicyVersions: (input, call) => {
      const page = pager.read(input);
      const policy = namedPolicy(iam, 'iam:ListPolicyVersions', input, call);
      const newestFirst = policy.versions.toReversed();
      const { items, rest } = pager.page(newestFirst, page, call, policy.arn);
      const member = items.map(({ versionId }) => versionElements(policy, versionId));
      return { Versions: { member }, ...rest };
    },

    SetDefaultPolicyVersion: (input, call) => {
      const versionId = input.requiredText('VersionId', VERSION_RULE);
      const policy = ownPolicy(iam, 'iam:SetDefaultPolicyVersion', input, call);
      policy.defaultVersionId = findVersion(policy, versionId).versionId;
      return {};
    },

    DeletePolicyVersion: (input, call) => {
      const versionId = input.requiredText('VersionId', VERSION_RULE);
      const policy = ownPolicy(iam, 'iam:DeletePolicyVersion', input, call);
      const version = findVersion(policy, versionId);
      if (versionId === policy.defaultVersionId) {
        const message = 'Cannot delete the default version of a policy.';
        throw new ServiceError('DeleteConflict', message, 409);
      }
      policy.versions.splice(policy.versions.indexOf(version), 1);
      return {};
    },
  };
}

function versionElements(policy: ManagedPolicy, versionId: string) {
  return {
    VersionId: versionId,
    IsDefaultVersion: versionId === policy.defaultVersionId,
    CreateDate: isoSeconds(findVersion(policy, versionId).createdAtMs),
  };
}

function findVersion({ arn, versions }: ManagedPolicy, wanted: string) {
  const version = versions.find(({ versionId }) => versionId === wanted);
  if (version === undefined) {
    throw noSuchEntity(`Policy ${arn} version ${wanted} does not exist or is not attachable.`);
  }
  return version;
}

/** Users, groups and roles that have a policy, attached or as their boundary. */
function entitiesOf({ directory }: IamContext, policy: ManagedPolicy, usage: string | undefined) {
  const { users, groups, roles } = directory.account;
  const all = [
    ...groups.map((entity) => ({
      kind: 'Group',
      entity,
      boundary: undefined,
      elements: { GroupName: entity.groupName, GroupId: entity.groupId },
    })),
    ...users.map((entity) => ({
      kind: 'User',
      entity,
      boundary: entity.permissionsBoundary,
      elements: { UserName: entity.userName, UserId: entity.userId },
    })),
    ...roles.map((entity) => ({
      kind: 'Role',
      entity,
      boundary: entity.permissionsBoundary,
      elements: { RoleName: entity.roleName, RoleId: entity.roleId },
    })),
  ];
  return all.filter(
    ({ entity, boundary }) =>
      (usage !== 'PermissionsBoundary' && entity.attachedPolicies.has(policy)) ||
      (usage !== 'PermissionsPolicy' && boundary === policy),
  );
}

function sizedDocument(text: string) {
  if (documentSize(text) > POLICY_SIZE) {
    throw limitExceeded(`Cannot exceed quota for PolicySize: ${POLICY_SIZE}`);
  }
  return parseDocument(text);
}

/** The policy that `PolicyArn` names, once the caller may do `action` with it. */
function namedPolicy(
  { directory, access }: IamContext,
  action: string,
  input: QueryInput,
  call: Call,
): ManagedPolicy {
  const arn = input.requiredText('PolicyArn', ARN_RULE);
  input.check();
  access.require(call, { action, resource: arn, label: `policy ${arn}` });
  const policy = directory.policy(arn);
  if (policy === undefined) throw noSuchEntity(`Policy ${arn} was not found.`);
  return policy;
}

/** As {@link namedPolicy}; nobody changes a policy of AWS. */
function ownPolicy(iam: IamContext, action: string, input: QueryInput, call: Call): ManagedPolicy {
  const policy = namedPolicy(iam, action, input, call);
  if (isOwn(iam.directory.account.policies, policy)) return policy;
  throw new ServiceError('AccessDenied', `Policy ${policy.arn} is managed by AWS.`, 403);
}

function isOwn(own: readonly ManagedPolicy[], policy: ManagedPolicy): boolean {
  return own.includes(policy);
}
