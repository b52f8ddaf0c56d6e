import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unifiedDiff } from '../../../src/platform/unified-diff.ts';

/** Applies a diff as patch(1) does, independently of how it was made. */
function apply(before: string, diff: string): string {
  const source = before.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const result: string[] = [];
  let at = 0;
  let seenOld = 0;
  let seenNew = 0;
  for (const row of diff
    .replaceAll('\n\\ No newline at end of file\n', '\0')
    .match(/[^\n\0]*[\n\0]/g)
    ?.slice(2) ?? []) {
    const line = row.slice(1).endsWith('\0') ? row.slice(1, -1) : row.slice(1);
    if (row.startsWith('@@')) {
      expect([seenOld, seenNew]).toEqual([0, 0]);
      const numbers = /^@@ -(\d+),(\d+) \+(\d+),(\d+) @@/.exec(row)!.slice(1).map(Number);
      const [start, oldCount, newStart, newCount] = numbers as [number, number, number, number];
      while (at < (oldCount === 0 ? start : start - 1)) result.push(source[at++]!);
      expect(result.length).toBe(newCount === 0 ? newStart : newStart - 1);
      [seenOld, seenNew] = [oldCount, newCount];
      continue;
    }
    if (row.startsWith('+')) result.push(line);
    else {
      expect(source[at]).toBe(line);
      if (row.startsWith(' ')) result.push(line);
      at += 1;
    }
    if (!row.startsWith('+')) seenOld -= 1;
    if (!row.startsWith('-')) seenNew -= 1;
  }
  expect([seenOld, seenNew]).toEqual([0, 0]);
  return [...result, ...source.slice(at)].join('');
}

const text = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', 'c', 'd', ''), { maxLength: 30 }), fc.boolean())
  .map(([lines, isEnded]) => lines.join('\n') + (isEnded && lines.length > 0 ? '\n' : ''));

describe('unifiedDiff', () => {
  it('shows what changed with three lines around it', () => {
    const before = '1\n2\n3\n4\n5\n6\n7\n8\n9\n';
    expect(unifiedDiff('f', before, before.replace('5\n', 'five\n'))).toBe(
      '--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n',
    );
    expect(unifiedDiff('f', before, before)).toBe('');
    expect(unifiedDiff('f', '', 'a\n')).toBe('--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n');
  });

  it('turns one text into the other', () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(apply(before, unifiedDiff('f', before, after))).toBe(after);
      }),
      { numRuns: 2000 },
    );
  });

  it('stays correct where thousands of lines differ', () => {
    const lines = (prefix: string): string =>
      Array.from({ length: 3000 }, (_, index) => `${prefix}${index}\n`).join('');
    const [before, after] = [lines('a'), lines('b')];
    expect(apply(before, unifiedDiff('f', before, after))).toBe(after);
  });

  it('finds the shortest way, as in the paper', () => {
    const before = 'a\nb\nc\na\nb\nb\na\n';
    const after = 'c\nb\na\nb\na\nc\n';
    const edits = unifiedDiff('f', before, after).match(/^[-+](?![-+]{2})/gm);
    expect(edits).toHaveLength(5);
  });
});
