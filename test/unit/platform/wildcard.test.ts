import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readTemplate } from '../../../src/platform/name-template.ts';
import { matchesWildcard } from '../../../src/platform/wildcard.ts';

it('covers what a regular expression of the same meaning covers', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 6 });
  fc.assert(
    fc.property(pattern, text, (wanted, given) => {
      const same = wanted.replaceAll('*', '[ab]*').replaceAll('?', '[ab]');
      expect(matchesWildcard(wanted, given)).toBe(new RegExp(`^${same}$`).test(given));
    }),
  );
});

it('has no pattern that takes for ever', () => {
  expect(matchesWildcard(`${'a*'.repeat(500)}b`, 'a'.repeat(5000))).toBe(false);
});

it('reads templates of names', () => {
  expect(readTemplate('{tag:Some Key=1}-{name}.x_')).toEqual([
    { field: 'tag', key: 'Some Key=1' },
    { literal: '-' },
    { field: 'name', key: '' },
    { literal: '.x_' },
  ]);
  for (const text of ['', 'web', '{x}', '{tag:}', '{name', '{name} ', '{name}\n', '{tag:a{b}']) {
    expect(readTemplate(text)).toBeUndefined();
  }
});
