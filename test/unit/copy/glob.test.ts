import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namePattern } from '../../../src/copy/glob.ts';

describe('a pattern', () => {
  it.each([
    ['*', ['a', 'a b', 'ä', 'line\nbreak'], ['.a']],
    ['.*', ['.a'], ['a']],
    ['*.log', ['a.log', 'a.b.log'], ['alog', 'a.log.1', '.log']],
    ['a?c', ['abc', 'a🎉c'], ['ac', 'abbc']],
    ['[a-c]x', ['ax', 'bx'], ['dx', '-x']],
    ['[!a-c]x', ['dx'], ['ax', 'x']],
    ['[]]x', [']x'], ['x']],
    ['[a^]', ['a', '^'], ['b']],
    ['x[0-9][0-9]', ['x12'], ['x1', 'x1a']],
    ['*\\*', ['a*'], ['ab']],
    ['(a|b)+*', ['(a|b)+c'], ['ab']],
  ])('%s matches %j and not %j', (pattern, matching, others) => {
    const found = namePattern(pattern);
    for (const name of matching) expect(found?.test(name)).toBe(true);
    for (const name of others) expect(found?.test(name)).toBe(false);
  });

  it.each(['plain', '[unclosed', 'a\\*b', '[z-a]', '\\', ''])('%s is none', (pattern) => {
    expect(namePattern(pattern)).toBeUndefined();
  });

  it('is read without a fault, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('*?[]!^-\\ab.\n')) }),
        (pattern) => {
          namePattern(pattern)?.test('a');
        },
      ),
    );
  });
});
