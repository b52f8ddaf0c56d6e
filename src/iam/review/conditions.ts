import { matches, readPattern } from './pattern.ts';
import type { Variables } from './pattern.ts';
import { isNegated } from './reviewed-policy.ts';
import type { ReviewedCondition, ReviewedStatement } from './reviewed-policy.ts';

/** Whether something holds; `maybe` where it depends on what nobody here can know. */
export type Verdict = 'yes' | 'no' | 'maybe';

/**
 * What a request brings: values of a key, or that it has none; undefined where nobody knows.
 * `fitting` stands for whatever an Allow asks for and no Deny does: some node has the tag.
 */
export type RequestContext = (key: string) => readonly string[] | 'absent' | 'fitting' | undefined;

/** All conditions of a statement hold together. */
export function conditionsHold(
  { conditions, effect }: Pick<ReviewedStatement, 'conditions' | 'effect'>,
  context: RequestContext,
  hasVariables: boolean,
): Verdict {
  let verdict: Verdict = 'yes';
  for (const condition of conditions) {
    const isFitting = context(condition.key) === 'fitting';
    if (isFitting && effect === 'Deny') return 'no';
    const holds = isFitting ? 'yes' : conditionHolds(condition, context, hasVariables);
    if (holds === 'no') return 'no';
    if (holds === 'maybe') verdict = 'maybe';
  }
  return verdict;
}

function conditionHolds(
  condition: ReviewedCondition,
  context: RequestContext,
  hasVariables: boolean,
): Verdict {
  const { base, set, ifExists, key, values } = condition;
  const present = context(key);
  if (present === undefined || present === 'fitting') return 'maybe';
  if (base === 'Null') {
    const isAbsent = String(present === 'absent');
    return values.some((value) => value.toLowerCase() === isAbsent) ? 'yes' : 'no';
  }
  if (present === 'absent') {
    if (ifExists || set === 'ForAllValues') return 'yes';
    return isNegated(base) && set !== 'ForAnyValue' ? 'yes' : 'no';
  }
  const variables = hasVariables ? contextVariables(context) : undefined;
  const each = present.map((value) => valueHolds(condition, value, variables));
  // A key of one value is compared as if any of them had to.
  const isEnough = set === 'ForAllValues' ? all(each) : any(each);
  return isEnough;
}

function any(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('yes')) return 'yes';
  return verdicts.includes('maybe') ? 'maybe' : 'no';
}

function all(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('no')) return 'no';
  return verdicts.includes('maybe') ? 'maybe' : 'yes';
}

/** One value of the request against all of the policy: any of them will do, or for `Not` none may. */
function valueHolds(
  { base, values }: ReviewedCondition,
  actual: string,
  variables: Variables | undefined,
): Verdict {
  const verdict = any(values.map((wanted) => comparison(base, wanted, actual, variables)));
  if (!isNegated(base)) return verdict;
  return verdict === 'yes' ? 'no' : verdict === 'no' ? 'yes' : 'maybe';
}

function comparison(
  base: string,
  wanted: string,
  actual: string,
  variables: Variables | undefined,
): Verdict {
  const positive = base.replace('Not', '');
  const isText = /^(String|Arn)/.test(positive);
  if (isText) return textComparison(positive, wanted, actual, variables);
  if (positive === 'Bool') return sure(wanted.toLowerCase() === actual.toLowerCase());
  const [, relation] = /^Numeric(.+)$/.exec(positive) ?? [];
  // Dates, addresses and bytes: no request of a review brings any.
  if (relation === undefined) return 'maybe';
  const limit = Number(wanted);
  const number = Number(actual);
  switch (relation) {
    case 'Equals':
      return sure(number === limit);
    case 'LessThan':
      return sure(number < limit);
    case 'LessThanEquals':
      return sure(number <= limit);
    case 'GreaterThan':
      return sure(number > limit);
    case 'GreaterThanEquals':
      return sure(number >= limit);
    default:
      return 'maybe';
  }
}

function textComparison(
  base: string,
  wanted: string,
  actual: string,
  variables: Variables | undefined,
): Verdict {
  const pattern = readPattern(wanted, variables);
  if (pattern === undefined) return 'no';
  if (pattern === null) return 'maybe';
  const isLike = base === 'StringLike' || base.startsWith('Arn');
  const ignoreCase = base === 'StringEqualsIgnoreCase';
  if (isLike) return sure(matches(pattern, actual, ignoreCase));
  const text = pattern
    .map((piece) => (piece.kind === 'text' ? piece.char : piece.kind === 'any' ? '*' : '?'))
    .join('');
  return sure(ignoreCase ? text.toLowerCase() === actual.toLowerCase() : text === actual);
}

function sure(holds: boolean): Verdict {
  return holds ? 'yes' : 'no';
}

export function contextVariables(context: RequestContext): Variables {
  return (name) => {
    const value = context(name);
    if (value === undefined || value === 'fitting') return null;
    return value === 'absent' ? undefined : value[0];
  };
}
