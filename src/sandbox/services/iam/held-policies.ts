import type { PolicyHolder } from '../../iam/entities.ts';
import type { QueryInput } from '../../http/query-input.ts';
import type { Call } from '../../http/service.ts';
import { limitExceeded, noSuchEntity } from './iam-directory.ts';
import type { IamDirectory } from './iam-directory.ts';
import {
  ARN_RULE,
  documentSize,
  encodedDocument,
  NAME_RULE,
  Pager,
  parseDocument,
  readDocument,
  readPathPrefix,
} from './iam-operation.ts';
import type { IamContext, IamOperations } from './iam-operation.ts';

type Kind = 'User' | 'Group' | 'Role';

/** All inline policies of one holder together, in characters without white space. */
const INLINE_SIZE: Readonly<Record<Kind, number>> = { User: 2048, Group: 5120, Role: 10_240 };
const ATTACHED_LIMIT = 10;

/** Inline and attached policies of users, groups and roles. */
export function heldPolicyOperations(iam: IamContext): IamOperations {
  return {
    ...inlineOperations(iam, 'User'),
    ...inlineOperations(iam, 'Group'),
    ...inlineOperations(iam, 'Role'),
    ...attachmentOperations(iam, 'User'),
    ...attachmentOperations(iam, 'Group'),
    ...attachmentOperations(iam, 'Role'),
  };
}

function inlineOperations(iam: IamContext, kind: Kind): IamOperations {
  const pager = new Pager();
  const readPolicyName = (input: QueryInput): string => input.requiredText('PolicyName', NAME_RULE);
  const missing = (policyName: string) =>
    noSuchEntity(`The ${kind.toLowerCase()} policy with name ${policyName} cannot be found.`);
  return {
    [`Put${kind}Policy`]: (input, call) => {
      const policyName = readPolicyName(input);
      const text = readDocument(input);
      const { name, entity } = holder(iam, kind, `Put${kind}Policy`, input, call);
      const document = parseDocument(text);
      const others = [...entity.inlinePolicies].filter(([each]) => each !== policyName);
      const size = others.reduce((sum, [, each]) => sum + documentSize(each.text), 0);
      if (size + documentSize(text) > INLINE_SIZE[kind]) {
        throw limitExceeded(
          `Maximum policy size of ${INLINE_SIZE[kind]} bytes exceeded for ${kind.toLowerCase()} ${name}`,
        );
      }
      entity.inlinePolicies.set(policyName, document);
      return {};
    },
    [`Get${kind}Policy`]: (input, call) => {
      const policyName = readPolicyName(input);
      const { name, entity } = holder(iam, kind, `Get${kind}Policy`, input, call);
      const policy = entity.inlinePolicies.get(policyName);
      if (policy === undefined) throw missing(policyName);
      return {
        [`${kind}Name`]: name,
        PolicyName: policyName,
        PolicyDocument: encodedDocument(policy.text),
      };
    },
    [`Delete${kind}Policy`]: (input, call) => {
      const policyName = readPolicyName(input);
      const { entity } = holder(iam, kind, `Delete${kind}Policy`, input, call);
      if (!entity.inlinePolicies.delete(policyName)) throw missing(policyName);
      return {};
    },
    [`List${kind}Policies`]: (input, call) => {
      const page = pager.read(input);
      const { name, entity } = holder(iam, kind, `List${kind}Policies`, input, call);
      const { items, rest } = pager.page([...entity.inlinePolicies.keys()], page, call, name);
      return { PolicyNames: { member: items }, ...rest };
    },
  };
}

function attachmentOperations(iam: IamContext, kind: Kind): IamOperations {
  const pager = new Pager();
  /** Both are checked with the policy as condition key. */
  const attachment = (action: string, input: QueryInput, call: Call) => {
    const arn = input.requiredText('PolicyArn', ARN_RULE);
    const context = { 'iam:PolicyARN': arn };
    return { arn, entity: holder(iam, kind, action, input, call, context).entity };
  };
  return {
    [`Attach${kind}Policy`]: (input, call) => {
      const { arn, entity } = attachment(`Attach${kind}Policy`, input, call);
      const policy = iam.directory.policy(arn);
      if (policy === undefined) {
        throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.`);
      }
      const { attachedPolicies } = entity;
      if (!attachedPolicies.has(policy) && attachedPolicies.size >= ATTACHED_LIMIT) {
        throw limitExceeded(`Cannot exceed quota for PoliciesPer${kind}: ${ATTACHED_LIMIT}`);
      }
      attachedPolicies.add(policy);
      return {};
    },
    [`Detach${kind}Policy`]: (input, call) => {
      const { arn, entity } = attachment(`Detach${kind}Policy`, input, call);
      const policy = iam.directory.policy(arn);
      if (policy === undefined || !entity.attachedPolicies.delete(policy)) {
        throw noSuchEntity(`Policy ${arn} was not found.`);
      }
      return {};
    },
    [`ListAttached${kind}Policies`]: (input, call) => {
      const prefix = readPathPrefix(input);
      const page = pager.read(input);
      const { name, entity } = holder(iam, kind, `ListAttached${kind}Policies`, input, call);
      const selected = [...entity.attachedPolicies].filter(({ path }) => path.startsWith(prefix));
      const { items, rest } = pager.page(selected, page, call, name, prefix);
      const member = items.map(({ policyName, arn }) => ({
        PolicyName: policyName,
        PolicyArn: arn,
      }));
      return { AttachedPolicies: { member }, ...rest };
    },
  };
}

/** What `UserName`, `GroupName` or `RoleName` names, once the caller may do `action` with it. */
function holder(
  { directory, access }: IamContext,
  kind: Kind,
  action: string,
  input: QueryInput,
  call: Call,
  context: Readonly<Record<string, string>> = {},
): { name: string; entity: PolicyHolder } {
  const name = input.requiredText(`${kind}Name`, NAME_RULE);
  input.check();
  const resource = directory.arnOf(typeOf(kind), name);
  access.require(call, { action: `iam:${action}`, resource, context });
  return { name, entity: find(directory, kind, name) };
}

function find(directory: IamDirectory, kind: Kind, name: string): PolicyHolder {
  return directory[typeOf(kind)](name);
}

function typeOf(kind: Kind): 'user' | 'group' | 'role' {
  return kind === 'User' ? 'user' : kind === 'Group' ? 'group' : 'role';
}
