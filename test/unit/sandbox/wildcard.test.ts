import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPattern, wildcardPattern } from '../../../src/sandbox/wildcard.ts';

const matches = (pattern: string, text: string): boolean =>
  matchesPattern(wildcardPattern(pattern), text);

describe('wildcards', () => {
  it('match as a regular expression of the same meaning does', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (given, against) => {
        const expected = new RegExp(`^${given.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(matches(given, against)).toBe(expected.test(against));
      }),
    );
  });

  it('take no exponential time', () => {
    expect(matches('*a'.repeat(500), 'a'.repeat(499))).toBe(false);
  });

  it('count characters, not halves of them', () => {
    expect(matches('?', '😀')).toBe(true);
  });
});
