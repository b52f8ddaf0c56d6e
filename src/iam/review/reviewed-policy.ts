/** A policy as it was read, in one form, whatever form its author gave it. */

export interface ReviewedCondition {
  /** As it is written. */
  operator: string;
  /** Without set prefix and IfExists. */
  base: string;
  set: 'ForAllValues' | 'ForAnyValue' | undefined;
  ifExists: boolean;
  key: string;
  values: readonly string[];
}

export interface ReviewedStatement {
  /** From 1. */
  index: number;
  sid: string | null;
  effect: 'Allow' | 'Deny';
  actions: readonly string[];
  /** `NotAction`: all but these. */
  allBut: boolean;
  resources: readonly string[];
  /** `NotResource`: all but these. */
  allResourcesBut: boolean;
  conditions: readonly ReviewedCondition[];
}

export interface ReviewedPolicy {
  /** The policies of 2008 know no variables: `${aws:username}` is that very text. */
  hasVariables: boolean;
  version: string | undefined;
  statements: readonly ReviewedStatement[];
}

/** Operators that IAM knows, without set prefix and IfExists. */
export const OPERATORS: readonly string[] = [
  'StringEquals',
  'StringNotEquals',
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
  'StringLike',
  'StringNotLike',
  'NumericEquals',
  'NumericNotEquals',
  'NumericLessThan',
  'NumericLessThanEquals',
  'NumericGreaterThan',
  'NumericGreaterThanEquals',
  'DateEquals',
  'DateNotEquals',
  'DateLessThan',
  'DateLessThanEquals',
  'DateGreaterThan',
  'DateGreaterThanEquals',
  'Bool',
  'BinaryEquals',
  'IpAddress',
  'NotIpAddress',
  'ArnEquals',
  'ArnLike',
  'ArnNotEquals',
  'ArnNotLike',
  'Null',
];

/** Takes an operator apart; undefined for what IAM does not know. */
export function readOperator(
  operator: string,
): Pick<ReviewedCondition, 'base' | 'set' | 'ifExists'> | undefined {
  const [, set, name = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(operator) ?? [];
  const base = OPERATORS.find((each) => each.toLowerCase() === name.toLowerCase());
  if (base === undefined || (base === 'Null' && ifExists !== undefined)) return undefined;
  return {
    base,
    set: set === 'ForAllValues' || set === 'ForAnyValue' ? set : undefined,
    ifExists: ifExists !== undefined,
  };
}

export function isNegated(base: string): boolean {
  return base.includes('Not');
}
