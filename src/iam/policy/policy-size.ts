import { DevaccessError } from '../../platform/errors.ts';
import type { PolicyDocument, PolicyStatement } from './policy-document.ts';

/**
 * What IAM takes, in characters without white space (IAM and STS quotas). Inline policies of one
 * user, group or role share one quota.
 */
export const POLICY_LIMITS = {
  managed: 6_144,
  'inline of a user': 2_048,
  'inline of a group': 5_120,
  'inline of a role': 10_240,
} as const;

export const TRUST_LIMIT = 2_048;

/** So many managed policies are attached to one user, group or role by default. */
const MAX_ATTACHED = 10;

export interface PolicySize {
  /** As IAM counts, or a little more: white space inside of values is counted here. */
  characters: number;
  /** Whether it fits, by where it is put. */
  fits: Record<keyof typeof POLICY_LIMITS, boolean>;
}

export function policySize(policy: PolicyDocument): PolicySize {
  const characters = lengthOf(policy);
  const fits = Object.fromEntries(
    Object.entries(POLICY_LIMITS).map(([form, limit]) => [form, characters <= limit]),
  ) as PolicySize['fits'];
  return { characters, fits };
}

/**
 * Spreads statements over policies that each fit `limit`. A statement that alone is too long is
 * spread by its resources: an Allow or a Deny says the same in two halves.
 *
 * @throws DevaccessError DA_POLICY_SIZE where it takes more policies than can be attached
 */
export function splitPolicy(
  statements: readonly PolicyStatement[],
  limit: number = POLICY_LIMITS.managed,
): PolicyDocument[] {
  const parts: PolicyStatement[][] = [[]];
  for (const statement of statements.flatMap((each) => halves(each, limit))) {
    const last = parts.at(-1) ?? [];
    if (last.length > 0 && lengthOf(documentOf([...last, statement])) > limit) {
      parts.push([statement]);
    } else {
      last.push(statement);
    }
  }
  if (parts.length > MAX_ATTACHED) {
    throw new DevaccessError(
      'DA_POLICY_SIZE',
      `The policy would have to be split into ${parts.length}, and IAM attaches ${MAX_ATTACHED}`,
      { next: 'ask for fewer regions or targets at a time; a tag takes the place of many targets' },
    );
  }
  return parts.map(documentOf);
}

function halves(statement: PolicyStatement, limit: number): PolicyStatement[] {
  const { Resource } = statement;
  const isTooLong = lengthOf(documentOf([statement])) > limit;
  if (!isTooLong || typeof Resource === 'string' || Resource === undefined) return [statement];
  if (Resource.length < 2) return [statement];
  const middle = Math.ceil(Resource.length / 2);
  return [Resource.slice(0, middle), Resource.slice(middle)].flatMap((part, index) =>
    halves({ ...statement, Sid: `${statement.Sid}${index + 1}`, Resource: part }, limit),
  );
}

function documentOf(statements: readonly PolicyStatement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements };
}

function lengthOf(policy: PolicyDocument): number {
  return JSON.stringify(policy).length;
}
