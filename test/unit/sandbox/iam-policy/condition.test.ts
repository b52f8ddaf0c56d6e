import { describe, expect, it } from 'vitest';
import { conditionHolds, parseOperator } from '../../../../src/sandbox/iam-policy/condition.ts';
import { PolicyTemplate } from '../../../../src/sandbox/iam-policy/policy-template.ts';
import { RequestContext } from '../../../../src/sandbox/iam-policy/request-context.ts';
import type { ContextValue } from '../../../../src/sandbox/iam-policy/request-context.ts';

/** `key` of the request against the policy's values. */
function holds(
  operator: string,
  wanted: string | readonly string[],
  given: ContextValue,
  more: Record<string, ContextValue> = {},
): boolean {
  const parsed = parseOperator(operator);
  if (parsed === undefined) throw new Error(`no operator ${operator}`);
  const values = [wanted].flat();
  return conditionHolds(
    { ...parsed, key: 'test:Key', wanted: values.map((text) => new PolicyTemplate(text, true)) },
    RequestContext.of({ 'test:key': given, ...more }),
  );
}

describe('condition operators', () => {
  it.each<[string, string | string[], ContextValue, boolean]>([
    ['StringEquals', 'Team-a', 'Team-a', true],
    ['StringEquals', 'team-a', 'Team-a', false],
    ['StringEquals', ['x', 'Team-a'], 'Team-a', true],
    ['StringEquals', 'Team-*', 'Team-a', false],
    ['StringEqualsIgnoreCase', 'team-a', 'TEAM-A', true],
    ['StringNotEquals', 'a', 'b', true],
    ['StringNotEquals', ['a', 'b'], 'b', false],
    ['StringNotEqualsIgnoreCase', 'A', 'a', false],
    ['StringLike', 'team-*', 'team-a', true],
    ['StringLike', 'team-?', 'team-ab', false],
    ['StringLike', 'Team-*', 'team-a', false],
    ['StringNotLike', 'team-*', 'ops', true],
    ['NumericEquals', '5', '5.0', true],
    ['NumericNotEquals', '5', 6, true],
    ['NumericLessThan', '43200', 43_199, true],
    ['NumericLessThan', '43200', 43_200, false],
    ['NumericLessThanEquals', '43200', 43_200, true],
    ['NumericGreaterThan', '3600', 3601, true],
    ['NumericGreaterThanEquals', '3600', 3599, false],
    ['NumericLessThan', '43200', 'soon', false],
    ['DateLessThan', '2026-06-30T00:00:00Z', '2026-06-29T23:59:59Z', true],
    ['DateGreaterThan', '2026-06-30T00:00:00Z', '2026-06-29T23:59:59Z', false],
    ['DateEquals', '2026-06-30', '2026-06-30T00:00:00Z', true],
    ['DateLessThanEquals', '1782777600', '2026-06-30T00:00:00Z', true],
    ['DateNotEquals', '2026-06-30T00:00:00Z', '2026-06-30T00:00:01Z', true],
    ['DateGreaterThanEquals', 'tomorrow', '2026-06-30T00:00:00Z', false],
    ['Bool', 'true', true, true],
    ['Bool', 'TRUE', 'true', true],
    ['Bool', 'true', false, false],
    ['BinaryEquals', 'QmluYXJ5', 'QmluYXJ5', true],
    ['IpAddress', '203.0.113.0/24', '203.0.113.7', true],
    ['IpAddress', ['198.51.100.0/24', '203.0.113.7'], '203.0.113.7', true],
    ['IpAddress', '203.0.113.0/24', '203.0.114.7', false],
    ['IpAddress', '2001:db8::/32', '2001:db8:1::1', true],
    ['IpAddress', '0.0.0.0/0', '2001:db8:1::1', false],
    ['IpAddress', '203.0.113.0/33', '203.0.113.7', false],
    ['NotIpAddress', '203.0.113.0/24', '198.51.100.1', true],
    ['ArnLike', 'arn:aws:iam::*:user/dev/*', 'arn:aws:iam::123456789012:user/dev/al', true],
    ['ArnEquals', 'arn:aws:iam::*:user/*', 'arn:aws:iam::123456789012:user/al', true],
    ['ArnLike', 'arn:aws:*:user/al', 'arn:aws:iam::123456789012:user/al', false],
    ['ArnNotLike', 'arn:aws:iam::*:role/*', 'arn:aws:iam::123456789012:user/al', true],
    ['ArnNotEquals', 'arn:aws:iam::*:user/*', 'arn:aws:iam::123456789012:user/al', false],
  ])('%s %j for %j: %s', (operator, wanted, given, expected) => {
    expect(holds(operator, wanted, given)).toBe(expected);
    // Present is present: IfExists changes nothing.
    expect(holds(`${operator}IfExists`, wanted, given)).toBe(expected);
  });

  it.each([
    ['StringEquals', false],
    ['Bool', false],
    ['NumericLessThan', false],
    ['IpAddress', false],
    ['ArnLike', false],
    ['StringNotEquals', true],
    ['StringNotLike', true],
    ['NotIpAddress', true],
    ['BoolIfExists', true],
    ['StringEqualsIfExists', true],
    ['NumericGreaterThanIfExists', true],
    ['ForAllValues:StringEquals', true],
    ['ForAnyValue:StringEquals', false],
    ['ForAnyValue:StringNotEquals', false],
  ])('%s without the key: %s', (operator, expected) => {
    expect(holds(operator, 'x', undefined)).toBe(expected);
  });

  it.each<[string, string[], string[], boolean]>([
    ['ForAllValues:StringEquals', ['a', 'b'], ['a'], true],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'b'], true],
    ['ForAnyValue:StringLike', ['team-*'], ['x', 'y'], false],
    ['ForAnyValue:StringNotEquals', ['a'], ['a', 'b'], true],
    ['ForAllValues:StringNotEquals', ['a'], ['a', 'b'], false],
  ])('%s %j for the values %j: %s', (operator, wanted, given, expected) => {
    expect(holds(operator, wanted, given)).toBe(expected);
  });

  it('Null asks whether the key is there', () => {
    expect(holds('Null', 'true', undefined)).toBe(true);
    expect(holds('Null', 'true', 'x')).toBe(false);
    expect(holds('Null', 'false', 'x')).toBe(true);
    expect(holds('Null', ['true', 'false'], 'x')).toBe(true);
  });

  it('fills in variables, whose wildcards are characters', () => {
    const team = { 'aws:PrincipalTag/Team': 'a*' };
    expect(holds('StringEquals', '${aws:principaltag/team}', 'a*', team)).toBe(true);
    expect(holds('StringLike', '${aws:PrincipalTag/Team}', 'abc', team)).toBe(false);
    expect(holds('StringLike', 'x-${*}', 'x-*')).toBe(true);
    expect(holds('StringLike', 'x-${*}', 'x-y')).toBe(false);
    expect(holds('StringEquals', "${aws:PrincipalTag/none, 'all'}", 'all')).toBe(true);
    // A variable that the request does not have fits nothing.
    expect(holds('StringEquals', '${aws:PrincipalTag/none}', '')).toBe(false);
    expect(holds('StringNotEquals', '${aws:PrincipalTag/none}', 'x')).toBe(true);
  });

  it.each(['Bool:ForAnyValue', 'StringMatches', 'NullIfExists', 'IfExists', 'ForNoValue:Bool', ''])(
    'knows no %j',
    (name) => {
      expect(parseOperator(name)).toBeUndefined();
    },
  );
});
