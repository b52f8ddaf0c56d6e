import { DevaccessError, printable } from '../../platform/errors.ts';
import type { Finding } from './finding.ts';
import type { PolicyJson } from './policy-json.ts';
import { readOperator } from './reviewed-policy.ts';
import type { ReviewedCondition, ReviewedPolicy, ReviewedStatement } from './reviewed-policy.ts';

const MAX_STATEMENTS = 500;
const STATEMENT_KEYS = new Set(
  'Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition'.split(' '),
);

/** What IAM would refuse, found on the way. */
class Complaints {
  readonly findings: Finding[] = [];

  add(what: string, statement: number | undefined, sid: string | null = null): void {
    this.findings.push({
      id: 'invalid',
      severity: 'high',
      title: 'IAM refuses this policy',
      statements: statement === undefined ? [] : [{ statement, sid }],
      why: `${printable(what)}.`,
      fix: 'correct it; what else is said here holds for the policy as far as it could be read',
    });
  }
}

/**
 * Reads a policy by IAM's grammar, and goes on where it is broken: a person asks what a policy
 * lets through, not for the first mistake in it.
 *
 * @throws DevaccessError DA_POLICY_INVALID where there is no policy to be found
 */
export function readPolicy(
  json: PolicyJson,
  source: string,
): { policy: ReviewedPolicy; findings: Finding[] } {
  const document = unwrapped(json.value);
  if (document === undefined) {
    throw new DevaccessError('DA_POLICY_INVALID', `${source} holds no policy`, {
      next: 'give a policy document, or what aws iam get-…-policy prints',
    });
  }
  const complaints = new Complaints();
  for (const { key, line } of json.duplicates) {
    complaints.add(`"${key}" is given twice in one object (line ${line})`, undefined);
  }
  for (const key of Object.keys(document)) {
    if (!['Version', 'Id', 'Statement'].includes(key)) {
      complaints.add(`"${key}" is no element of a policy`, undefined);
    }
  }
  const { Version, Statement } = document;
  const version = typeof Version === 'string' ? Version : undefined;
  if (Version !== undefined && Version !== '2012-10-17' && Version !== '2008-10-17') {
    complaints.add('Version is neither 2012-10-17 nor 2008-10-17', undefined);
  }
  const given: unknown[] = Array.isArray(Statement) ? Statement : [Statement];
  if (given.length > MAX_STATEMENTS) {
    throw new DevaccessError('DA_POLICY_INVALID', `${source} has more statements than IAM takes`, {
      next: 'give one policy at a time',
    });
  }
  const statements = given.flatMap((each, at) => readStatement(each, at + 1, complaints) ?? []);
  for (const { index, sid } of statements) {
    const isRepeated = statements.some((other) => other.sid === sid && other.index < index);
    if (sid !== null && isRepeated) complaints.add(`the Sid ${sid} is given twice`, index, sid);
  }
  return {
    policy: { version, hasVariables: version === '2012-10-17', statements },
    findings: complaints.findings,
  };
}

/** The document itself, or within what the AWS CLI prints around it. */
function unwrapped(value: unknown): Record<string, unknown> | undefined {
  if (!isObject(value)) return undefined;
  if ('Statement' in value) return value;
  const { PolicyVersion, PolicyDocument, Document } = value;
  for (const inner of [PolicyVersion, PolicyDocument, Document]) {
    const found = unwrapped(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

function readStatement(
  value: unknown,
  index: number,
  complaints: Complaints,
): ReviewedStatement | undefined {
  if (!isObject(value)) {
    complaints.add('a statement is not an object', index);
    return undefined;
  }
  const sid = typeof value['Sid'] === 'string' && value['Sid'] !== '' ? value['Sid'] : null;
  const complain = (what: string): void => complaints.add(what, index, sid);
  if (sid !== null && !/^[A-Za-z0-9]+$/.test(sid)) {
    complain(`the Sid ${sid} has other characters than letters and digits`);
  }
  for (const key of Object.keys(value)) {
    if (!STATEMENT_KEYS.has(key)) complain(`"${key}" is no element of a statement`);
  }
  if ('Principal' in value || 'NotPrincipal' in value) {
    complain('it names a Principal, which policies of users, groups and roles must not');
  }
  const { Effect } = value;
  if (Effect !== 'Allow' && Effect !== 'Deny') {
    complain('its Effect is neither Allow nor Deny');
    return undefined;
  }
  const action = oneOf(value, 'Action', 'NotAction', complain);
  const resource = oneOf(value, 'Resource', 'NotResource', complain);
  for (const text of action.texts) {
    if (!/^\*$|^\*:\*$|^[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+$/.test(text)) {
      complain(`"${text}" is no action`);
    }
  }
  for (const text of resource.texts) {
    // Policies of AWS itself have some without a resource: arn:aws:organizations::*:
    if (text !== '*' && !/^arn:([^:]*:){4}/.test(text)) complain(`"${text}" is no ARN`);
  }
  return {
    index,
    sid,
    effect: Effect,
    actions: action.texts,
    allBut: action.isNegated,
    resources: resource.texts,
    allResourcesBut: resource.isNegated,
    conditions: readConditions(value['Condition'], complain),
  };
}

function oneOf(
  value: Record<string, unknown>,
  name: string,
  negated: string,
  complain: (what: string) => void,
): { texts: string[]; isNegated: boolean } {
  if (name in value === negated in value) {
    complain(`it needs either ${name} or ${negated}`);
    if (!(name in value)) return { texts: [], isNegated: false };
  }
  const isNegated = !(name in value);
  const given = value[isNegated ? negated : name];
  const texts = textsOf(given);
  if (texts === undefined || texts.length === 0) {
    complain(`its ${isNegated ? negated : name} is not a text or a list of texts`);
  }
  return { texts: texts ?? [], isNegated };
}

function readConditions(value: unknown, complain: (what: string) => void): ReviewedCondition[] {
  if (value === undefined) return [];
  if (!isObject(value)) {
    complain('its Condition is not an object');
    return [];
  }
  return Object.entries(value).flatMap(([operator, keys]) => {
    const read = readOperator(operator);
    if (read === undefined) complain(`"${operator}" is no condition operator`);
    if (!isObject(keys)) {
      complain(`the condition ${operator} has no keys`);
      return [];
    }
    return Object.entries(keys).flatMap(([key, given]) => {
      const values = textsOf(given);
      if (values === undefined) complain(`the values of ${operator} ${key} are no texts`);
      if (!/^[a-zA-Z0-9-]+:./.test(key)) complain(`"${key}" is no condition key`);
      // What IAM would refuse cannot hold either.
      const known = read ?? { base: operator, set: undefined, ifExists: false };
      return [{ operator, ...known, key, values: values ?? [] }];
    });
  });
}

/** Numbers and booleans may stand without quotes. */
function textsOf(value: unknown): string[] | undefined {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const texts = list.flatMap((each) =>
    typeof each === 'string' || typeof each === 'number' || typeof each === 'boolean'
      ? [String(each)]
      : [],
  );
  return texts.length === list.length ? texts : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
