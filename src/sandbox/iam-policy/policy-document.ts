import type { Condition } from './condition.ts';
import { parseOperator } from './condition.ts';
import { PolicyTemplate } from './policy-template.ts';
import { statementSpans } from './statement-spans.ts';
import type { Span } from './statement-spans.ts';
import { wildcardPattern } from '../wildcard.ts';
import type { Pattern } from '../wildcard.ts';

/** A `Principal` of a trust policy: `AWS`, `Service`, `Federated`, … or `*`. */
export interface Principals {
  readonly anyone: boolean;
  /** ARNs and account ids of `AWS`. */
  readonly aws: readonly string[];
  /** Services of AWS, such as `rolesanywhere.amazonaws.com`. */
  readonly services: readonly string[];
}

export interface Statement {
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  /** `NotAction`, `NotResource`: everything but what is listed. */
  readonly actions: { readonly not: boolean; readonly patterns: readonly Pattern[] };
  readonly resources: { readonly not: boolean; readonly templates: readonly PolicyTemplate[] };
  readonly principals: Principals | undefined;
  readonly conditions: readonly Condition[];
  /** Where in the document it stands. */
  readonly span: Span;
}

export interface Policy {
  readonly statements: readonly Statement[];
}

/** What a document is for: a trust policy names principals and no resources, others the reverse. */
export type PolicyKind = 'identity' | 'trust';

/** IAM's `MalformedPolicyDocument`, in IAM's words where they are known. */
export class MalformedPolicy extends Error {
  override readonly name = 'MalformedPolicy';
}

const SYNTAX = 'Syntax errors in policy.';
const VERSIONS = ['2012-10-17', '2008-10-17'];
const MEMBERS = ['Version', 'Id', 'Statement'];
const STATEMENT_MEMBERS = [
  'Sid',
  'Effect',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
  'Principal',
];
const PRINCIPAL_KINDS = ['AWS', 'Service', 'Federated', 'CanonicalUser'];

/**
 * Reads a policy document by the grammar of IAM's policy language.
 *
 * @throws MalformedPolicy
 */
export function parsePolicy(text: string, kind: PolicyKind = 'identity'): Policy {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MalformedPolicy('This policy contains invalid Json');
  }
  const document = members(value, MEMBERS);
  const version = document.get('Version') ?? '2008-10-17';
  if (typeof version !== 'string') throw new MalformedPolicy(SYNTAX);
  if (!VERSIONS.includes(version)) {
    throw new MalformedPolicy('Policy document must be version 2012-10-17 or greater.');
  }
  const given = document.get('Statement');
  const list: unknown[] = Array.isArray(given) ? given : [given];
  if (given === undefined || list.length === 0) throw new MalformedPolicy(SYNTAX);
  const spans = statementSpans(text);
  const statements = list.map((item, at) =>
    parseStatement(item, kind, version === '2012-10-17', spans[at]),
  );
  const sids = statements.flatMap(({ sid }) => (sid === undefined || sid === '' ? [] : [sid]));
  if (new Set(sids).size < sids.length) {
    throw new MalformedPolicy('Statement IDs (SID) in a single policy must be unique.');
  }
  return { statements };
}

function parseStatement(
  value: unknown,
  kind: PolicyKind,
  hasVariables: boolean,
  span: Span | undefined,
): Statement {
  const given = members(value, STATEMENT_MEMBERS);
  const sid = given.get('Sid');
  if (sid !== undefined && typeof sid !== 'string') throw new MalformedPolicy(SYNTAX);
  if (kind === 'identity' && sid !== undefined && !/^[0-9A-Za-z]*$/.test(sid)) {
    throw new MalformedPolicy(
      'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*',
    );
  }
  const effect = given.get('Effect');
  if (effect !== 'Allow' && effect !== 'Deny') throw new MalformedPolicy(SYNTAX);
  const actions = oneOf(given, 'Action', 'Policy statement must contain actions.');
  for (const action of actions.texts) checkAction(action);
  if (kind === 'identity' && given.has('Principal')) {
    throw new MalformedPolicy('Policy document should not specify a principal.');
  }
  if (kind === 'trust' && (given.has('Resource') || given.has('NotResource'))) {
    throw new MalformedPolicy('Has prohibited field Resource');
  }
  const resources =
    kind === 'trust'
      ? { not: false, texts: ['*'] }
      : oneOf(given, 'Resource', 'Policy statement must contain resources.');
  for (const resource of resources.texts) checkResource(resource);
  const templates = (texts: readonly string[]): PolicyTemplate[] =>
    texts.map((each) => new PolicyTemplate(each, hasVariables));
  return {
    sid,
    effect,
    // IAM does not mind the case of actions, and knows no variables in them.
    actions: {
      not: actions.not,
      patterns: actions.texts.map((each) => wildcardPattern(each.toLowerCase())),
    },
    resources: { not: resources.not, templates: templates(resources.texts) },
    principals: kind === 'trust' ? parsePrincipals(given.get('Principal')) : undefined,
    conditions: parseConditions(given.get('Condition'), templates),
    span: span ?? { start: { line: 1, column: 1 }, end: { line: 1, column: 1 } },
  };
}

/** `Action` or `NotAction`, exactly one of the two. */
function oneOf(
  given: ReadonlyMap<string, unknown>,
  name: string,
  missing: string,
): { not: boolean; texts: string[] } {
  const positive = given.get(name);
  const negative = given.get(`Not${name}`);
  if (positive !== undefined && negative !== undefined) throw new MalformedPolicy(SYNTAX);
  const texts = textList(positive ?? negative ?? []);
  if (texts.length === 0) throw new MalformedPolicy(missing);
  return { not: negative !== undefined, texts };
}

function checkAction(action: string): void {
  if (action === '*') return;
  const [vendor, name, ...more] = action.split(':');
  if (name === undefined) {
    throw new MalformedPolicy(
      'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
    );
  }
  if (more.length > 0) {
    throw new MalformedPolicy('Actions/Condition can contain only one colon.');
  }
  if (!/^[A-Za-z0-9-]+$/.test(vendor ?? '')) {
    throw new MalformedPolicy(`Vendor ${vendor ?? ''} is not valid`);
  }
  if (!/^[A-Za-z0-9*?]+$/.test(name)) throw new MalformedPolicy(SYNTAX);
}

function checkResource(resource: string): void {
  if (resource === '*') return;
  const [arn, partition = ''] = resource.split(':');
  if (arn !== 'arn') {
    throw new MalformedPolicy(`Resource ${resource} must be in ARN format or "*".`);
  }
  if (!/^(aws|aws-cn|aws-us-gov|aws-iso(-[a-z])?|.*[*?].*|\$\{.*)$/.test(partition)) {
    throw new MalformedPolicy(`Partition "${partition}" is not valid for resource "${resource}".`);
  }
}

function parsePrincipals(value: unknown): Principals {
  if (value === '*') return { anyone: true, aws: [], services: [] };
  if (value === undefined) {
    throw new MalformedPolicy('AssumeRole policy must contain principals.');
  }
  const given = members(value, PRINCIPAL_KINDS);
  if (given.size === 0) throw new MalformedPolicy(SYNTAX);
  const aws = textList(given.get('AWS') ?? []);
  for (const principal of aws) {
    if (principal === '*' || /^\d{12}$/.test(principal)) continue;
    if (/^arn:[\w-]+:(iam|sts)::\d{12}:[^*?]+$/.test(principal)) continue;
    throw new MalformedPolicy(`Invalid principal in policy: "AWS":"${principal}"`);
  }
  return { anyone: aws.includes('*'), aws, services: textList(given.get('Service') ?? []) };
}

function parseConditions(
  value: unknown,
  templates: (texts: readonly string[]) => PolicyTemplate[],
): Condition[] {
  if (value === undefined) return [];
  return [...members(value)].flatMap(([name, keys]) => {
    const operator = parseOperator(name);
    if (operator === undefined) throw new MalformedPolicy(`Invalid Condition type : ${name}.`);
    return [...members(keys)].map(([key, values]): Condition => {
      if (!key.includes(':')) {
        throw new MalformedPolicy(
          'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
        );
      }
      return { ...operator, key, wanted: templates(scalarList(values)) };
    });
  });
}

/** An object's members; a Map, as a member may be called `__proto__`. */
function members(value: unknown, known?: readonly string[]): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedPolicy(SYNTAX);
  }
  const found = new Map(Object.entries(value));
  if (known !== undefined && [...found.keys()].some((name) => !known.includes(name))) {
    throw new MalformedPolicy(SYNTAX);
  }
  return found;
}

function textList(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    if (typeof item !== 'string') throw new MalformedPolicy(SYNTAX);
    return item;
  });
}

/** Values of a condition: numbers and booleans count as their text. */
function scalarList(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    if (typeof item === 'string') return item;
    if (typeof item === 'number' || typeof item === 'boolean') return String(item);
    throw new MalformedPolicy(SYNTAX);
  });
}
