import { matchesPattern } from '../wildcard.ts';
import { matchesArn } from './arn-match.ts';
import { inNetwork } from './ip-network.ts';
import { PolicyTemplate } from './policy-template.ts';
import type { RequestContext } from './request-context.ts';

type Quantifier = 'ForAllValues' | 'ForAnyValue';

/** Whether one value of the request fits one value of the policy. */
type Test = (wanted: PolicyTemplate, given: string, context: RequestContext) => boolean;

/** One key of one operator of a `Condition` block. */
export interface Condition {
  readonly operator: string;
  readonly key: string;
  readonly quantifier: Quantifier | undefined;
  readonly ifExists: boolean;
  readonly wanted: readonly PolicyTemplate[];
}

interface Operator {
  readonly test: Test;
  /** `…Not…`: none of the policy's values may fit, and an absent key is right. */
  readonly negated: boolean;
}

const text =
  (fits: (wanted: string, given: string) => boolean): Test =>
  (wanted, given, context) => {
    const value = wanted.text(context);
    return value !== undefined && fits(value, given);
  };

const number = (fits: (wanted: number, given: number) => boolean): Test =>
  text((wanted, given) => {
    const [a, b] = [readNumber(wanted), readNumber(given)];
    return a !== undefined && b !== undefined && fits(a, b);
  });

const date = (fits: (wantedMs: number, givenMs: number) => boolean): Test =>
  text((wanted, given) => {
    const [a, b] = [readDate(wanted), readDate(given)];
    return a !== undefined && b !== undefined && fits(a, b);
  });

const pattern =
  (fits: typeof matchesPattern): Test =>
  (wanted, given, context) => {
    const value = wanted.pattern(context);
    return value !== undefined && fits(value, given);
  };

const equal = text((wanted, given) => wanted === given);
const equalInAnyCase = text((wanted, given) => wanted.toLowerCase() === given.toLowerCase());
const same = (a: number, b: number): boolean => a === b;
const like = pattern(matchesPattern);
const arnLike = pattern(matchesArn);
const address = text(inNetwork);

const is = (test: Test): Operator => ({ test, negated: false });
const isNot = (test: Test): Operator => ({ test, negated: true });

/** By lower-case name; IAM does not mind the case of operators. */
const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    StringEquals: is(equal),
    StringNotEquals: isNot(equal),
    StringEqualsIgnoreCase: is(equalInAnyCase),
    StringNotEqualsIgnoreCase: isNot(equalInAnyCase),
    StringLike: is(like),
    StringNotLike: isNot(like),
    NumericEquals: is(number(same)),
    NumericNotEquals: isNot(number(same)),
    NumericLessThan: is(number((wanted, given) => given < wanted)),
    NumericLessThanEquals: is(number((wanted, given) => given <= wanted)),
    NumericGreaterThan: is(number((wanted, given) => given > wanted)),
    NumericGreaterThanEquals: is(number((wanted, given) => given >= wanted)),
    DateEquals: is(date(same)),
    DateNotEquals: isNot(date(same)),
    DateLessThan: is(date((wanted, given) => given < wanted)),
    DateLessThanEquals: is(date((wanted, given) => given <= wanted)),
    DateGreaterThan: is(date((wanted, given) => given > wanted)),
    DateGreaterThanEquals: is(date((wanted, given) => given >= wanted)),
    Bool: is(equalInAnyCase),
    BinaryEquals: is(equal),
    IpAddress: is(address),
    NotIpAddress: isNot(address),
    // The two forms of each do the same.
    ArnEquals: is(arnLike),
    ArnLike: is(arnLike),
    ArnNotEquals: isNot(arnLike),
    ArnNotLike: isNot(arnLike),
  }).map(([name, operator]) => [name.toLowerCase(), operator]),
);

/** The parts of an operator's name, or undefined when IAM knows no such operator. */
export function parseOperator(
  name: string,
): Pick<Condition, 'operator' | 'quantifier' | 'ifExists'> | undefined {
  const match = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/i.exec(name);
  const operator = match?.[2]?.toLowerCase();
  if (match === null || operator === undefined) return undefined;
  const ifExists = match[3] !== undefined;
  const isKnown = OPERATORS.has(operator) || (operator === 'null' && !ifExists);
  if (!isKnown) return undefined;
  const given = match[1]?.toLowerCase();
  const quantifier =
    given === undefined ? undefined : given === 'foranyvalue' ? 'ForAnyValue' : 'ForAllValues';
  return { operator, quantifier, ifExists };
}

/**
 * Whether a condition holds (IAM User Guide, "Condition operators", "Multivalued context keys").
 * An absent key: `…IfExists`, `…Not…` and `ForAllValues` hold, everything else does not.
 */
export function conditionHolds(condition: Condition, context: RequestContext): boolean {
  const { operator, key, quantifier, ifExists, wanted } = condition;
  const given = context.values(key) ?? [];
  if (operator === 'null') {
    const isAbsent = String(given.length === 0);
    return wanted.some((value) => value.text(context)?.toLowerCase() === isAbsent);
  }
  const known = OPERATORS.get(operator);
  if (known === undefined) return false;
  const { test, negated } = known;
  const fits = (value: string): boolean =>
    wanted.some((each) => test(each, value, context)) !== negated;
  if (quantifier === 'ForAllValues') return given.every(fits);
  if (given.length === 0) return ifExists || (negated && quantifier === undefined);
  // Without a quantifier a key has one value; where a service sends several, a negation means all.
  return negated && quantifier === undefined ? given.every(fits) : given.some(fits);
}

function readNumber(text: string): number | undefined {
  return /^[+-]?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}

/** ISO 8601, or seconds since the epoch. */
function readDate(text: string): number | undefined {
  const seconds = readNumber(text);
  if (seconds !== undefined && !/^\d{4}$/.test(text)) return seconds * 1000;
  const ms = /^\d{4}(-\d{2}(-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2}))?)?)?$/.test(text)
    ? Date.parse(text)
    : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
