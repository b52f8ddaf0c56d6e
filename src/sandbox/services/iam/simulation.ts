import { groupPolicies, rolePolicies, userPolicies } from '../../iam/caller-policies.ts';
import { principalEntries } from '../../iam/caller-context.ts';
import { contextKeys, evaluate } from '../../iam-policy/evaluate.ts';
import type { Evaluation, PolicySet, PolicySource } from '../../iam-policy/evaluate.ts';
import { MalformedPolicy, parsePolicy } from '../../iam-policy/policy-document.ts';
import { RequestContext } from '../../iam-policy/request-context.ts';
import type { ContextValue } from '../../iam-policy/request-context.ts';
import type { IamRole, IamUser } from '../../iam/entities.ts';
import type { QueryInput } from '../../http/query-input.ts';
import type { XmlValue } from '../../http/xml.ts';
import { ServiceError } from '../../service-error.ts';
import { noSuchEntity } from './iam-directory.ts';
import type { IamDirectory } from './iam-directory.ts';
import { ARN_RULE, Pager } from './iam-operation.ts';
import type { IamContext, IamOperations } from './iam-operation.ts';

const CONTEXT_TYPES = ['string', 'numeric', 'boolean', 'ip', 'binary', 'date'].flatMap((type) => [
  type,
  `${type}List`,
]);

/**
 * IAM's policy simulator, by the evaluation that also decides real calls. Keys that a real request
 * would bring are absent unless `ContextEntries` gives them; who asks is known from the principal.
 */
export function simulationOperations(iam: IamContext): IamOperations {
  const { directory, access } = iam;
  const pager = new Pager();
  return {
    SimulatePrincipalPolicy: (input, call) => {
      const sourceArn = input.requiredText('PolicySourceArn', ARN_RULE);
      const asked = readSimulation(input);
      const page = pager.read(input);
      input.check();
      access.require(call, { action: 'iam:SimulatePrincipalPolicy', resource: sourceArn });
      const source = policySource(directory, sourceArn);
      const policies = withInput(source.policies, asked);
      const caller = callerEntries(directory, asked.callerArn) ?? source.entries;
      const results = simulate(policies, asked, caller);
      const { items, rest } = pager.page(results, page, call, sourceArn, JSON.stringify(asked));
      return { EvaluationResults: { member: items }, ...rest };
    },

    SimulateCustomPolicy: (input, call) => {
      const asked = readSimulation(input);
      if (asked.policies.length === 0) input.constraints.missing('PolicyInputList');
      const page = pager.read(input);
      input.check();
      access.require(call, { action: 'iam:SimulateCustomPolicy', resource: '*' });
      const policies = withInput({ identity: [] }, asked);
      const results = simulate(policies, asked, callerEntries(directory, asked.callerArn) ?? {});
      const { items, rest } = pager.page(results, page, call, 'custom', JSON.stringify(asked));
      return { EvaluationResults: { member: items }, ...rest };
    },

    GetContextKeysForPrincipalPolicy: (input, call) => {
      const sourceArn = input.requiredText('PolicySourceArn', ARN_RULE);
      const more = input.list('PolicyInputList.member');
      input.check();
      access.require(call, { action: 'iam:GetContextKeysForPrincipalPolicy', resource: sourceArn });
      const { identity } = policySource(directory, sourceArn).policies;
      const policies = [...identity, ...inputPolicies(more, 'PolicyInputList')];
      return keyNames(policies);
    },

    GetContextKeysForCustomPolicy: (input, call) => {
      const policies = inputPolicies(input.list('PolicyInputList.member'), 'PolicyInputList');
      access.require(call, { action: 'iam:GetContextKeysForCustomPolicy', resource: '*' });
      return keyNames(policies);
    },
  };
}

function keyNames(policies: readonly PolicySource[]): Record<string, XmlValue> {
  return { ContextKeyNames: { member: contextKeys(policies.map(({ policy }) => policy)) } };
}

interface Asked {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly policies: readonly string[];
  readonly boundaries: readonly string[];
  readonly callerArn: string | undefined;
  readonly context: Readonly<Record<string, ContextValue>>;
}

function readSimulation(input: QueryInput): Asked {
  const actions = input.list('ActionNames.member');
  if (actions.length === 0) input.constraints.missing('ActionNames');
  for (const action of actions) input.constraints.text('ActionNames', action, { min: 3, max: 128 });
  for (const name of ['ResourcePolicy', 'ResourceOwner', 'ResourceHandlingOption']) {
    if (input.has(name)) {
      throw new ServiceError('InvalidInput', `${name} is not served by the sandbox.`);
    }
  }
  const invalid = actions.find((action) => !/^[A-Za-z0-9-]+:[A-Za-z0-9]+$/.test(action));
  if (invalid !== undefined) {
    throw new ServiceError('InvalidInput', `Invalid action name: ${invalid}`);
  }
  const resources = input.list('ResourceArns.member');
  const bad = resources.find((arn) => arn !== '*' && !/^arn:[^:]*:[^:]*:[^:]*:[^:]*:.+$/.test(arn));
  if (bad !== undefined) {
    throw new ServiceError('InvalidInput', `Invalid Resource: ${bad} must be in ARN format or *`);
  }
  return {
    actions,
    resources: resources.length === 0 ? ['*'] : resources,
    policies: input.list('PolicyInputList.member'),
    boundaries: input.list('PermissionsBoundaryPolicyInputList.member'),
    callerArn: input.text('CallerArn', { min: 1, max: 2048 }),
    context: readContextEntries(input),
  };
}

function readContextEntries(input: QueryInput): Record<string, ContextValue> {
  return Object.fromEntries(
    input.structures('ContextEntries.member').map((entry) => {
      const key = entry.requiredText('ContextKeyName', { min: 5, max: 256 });
      const type = entry.requiredText('ContextKeyType', { oneOf: CONTEXT_TYPES });
      const values = entry.list('ContextKeyValues.member');
      entry.check();
      if (!type.endsWith('List') && values.length !== 1) {
        throw new ServiceError('InvalidInput', `Invalid number of values for ${key}`);
      }
      return [key, values];
    }),
  );
}

/** The policies of a simulation: those of the principal, those given, and the boundary given. */
function withInput(policies: PolicySet, { policies: more, boundaries }: Asked): PolicySet {
  const identity = [...policies.identity, ...inputPolicies(more, 'PolicyInputList')];
  if (boundaries.length === 0) return { ...policies, identity };
  const boundary = inputPolicies(boundaries, 'PermissionsBoundaryPolicyInputList');
  return { ...policies, identity, boundary };
}

function inputPolicies(texts: readonly string[], list: string): PolicySource[] {
  return texts.map((text, at) => {
    try {
      return { id: `${list}.${at + 1}`, type: 'none', policy: parsePolicy(text) };
    } catch (error) {
      if (!(error instanceof MalformedPolicy)) throw error;
      throw new ServiceError('InvalidInput', `Invalid policy document ${at + 1}: ${error.message}`);
    }
  });
}

function simulate(
  policies: PolicySet,
  { actions, resources, context }: Asked,
  caller: Readonly<Record<string, ContextValue>>,
): XmlValue[] {
  const requestContext = RequestContext.of(caller).with(context);
  return actions.flatMap((action) =>
    resources.map((resource) => {
      const evaluation = evaluate(policies, { action, resource, context: requestContext });
      return resultElements(action, resource, evaluation, policies.boundary !== undefined);
    }),
  );
}

function resultElements(
  action: string,
  resource: string,
  { decision, matched, missingKeys, withinBoundary }: Evaluation,
  hasBoundary: boolean,
): XmlValue {
  return {
    EvalActionName: action,
    EvalResourceName: resource,
    EvalDecision: decision,
    MatchedStatements: {
      member: matched.map(({ source, statement }) => ({
        SourcePolicyId: source.id,
        SourcePolicyType: source.type,
        StartPosition: { Line: statement.span.start.line, Column: statement.span.start.column },
        EndPosition: { Line: statement.span.end.line, Column: statement.span.end.column },
      })),
    },
    MissingContextValues: { member: missingKeys },
    ...(hasBoundary
      ? { PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: withinBoundary } }
      : {}),
  };
}

/** The user, group or role whose policies are simulated. */
function policySource(
  directory: IamDirectory,
  arn: string,
): { policies: PolicySet; entries: Record<string, ContextValue> } {
  const { account } = directory;
  const user = account.users.find((each) => each.arn === arn);
  if (user !== undefined) {
    return { policies: userPolicies(user), entries: userEntries(directory, user) };
  }
  const role = account.roles.find((each) => each.arn === arn);
  if (role !== undefined) {
    return { policies: rolePolicies(role), entries: roleEntries(directory, role) };
  }
  const group = account.groups.find((each) => each.arn === arn);
  if (group !== undefined) return { policies: { identity: groupPolicies(group) }, entries: {} };
  throw noSuchEntity(`The entity with ARN ${arn} cannot be found.`);
}

/** Who `CallerArn` says asks. */
function callerEntries(
  directory: IamDirectory,
  arn: string | undefined,
): Record<string, ContextValue> | undefined {
  if (arn === undefined) return undefined;
  const user = directory.account.users.find((each) => each.arn === arn);
  if (user !== undefined) return userEntries(directory, user);
  throw new ServiceError('InvalidInput', `Invalid CallerArn: ${arn} is no user of this account`);
}

function userEntries({ account }: IamDirectory, user: IamUser): Record<string, ContextValue> {
  return principalEntries(account, {
    accountId: account.accountId,
    arn: user.arn,
    userId: user.userId,
    name: user.userName,
    accessKeyId: '',
    kind: 'user',
    mfaAuthenticated: false,
    user,
  });
}

/** A session's name is not known beforehand, and with it `aws:userid`. */
function roleEntries({ account }: IamDirectory, role: IamRole): Record<string, ContextValue> {
  return {
    ...principalEntries(account, {
      accountId: account.accountId,
      arn: role.arn,
      userId: role.roleId,
      name: role.roleName,
      accessKeyId: '',
      kind: 'role-session',
      mfaAuthenticated: false,
      roleArn: role.arn,
    }),
    'aws:userid': undefined,
  };
}
