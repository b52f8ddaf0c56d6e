import { describe, expect, it } from 'vitest';
import { bytesText } from '../../../src/cli/quantities.ts';
import { sparkline } from '../../../src/cli/sparkline.ts';
import { tableLines } from '../../../src/cli/table.ts';
import type { Column } from '../../../src/cli/table.ts';

describe('bytesText', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '0.98 KiB'],
    [1024, '1.00 KiB'],
    [10_230, '9.99 KiB'],
    [10_239, '10.0 KiB'],
    [1_048_575, '1.00 MiB'],
    [5 * 1024 ** 3, '5.00 GiB'],
    [123 * 1024 ** 4, '123 TiB'],
    [-1, '0 B'],
  ])('%d is %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });
});

describe('sparkline', () => {
  const style = { isUnicode: true, atLeast: 10 };

  it('shows the newest on the right, and nothing as the lowest bar', () => {
    expect(sparkline([0, 50, 100], 5, style)).toBe('▁▁▁▅█');
    expect(sparkline([100, 0, 50, 25], 2, style)).toBe('█▅');
    expect(sparkline([], 3, style)).toBe('▁▁▁');
    expect(sparkline([1, 2], 0, style)).toBe('');
  });

  it('does not blow up next to nothing, and hides nothing', () => {
    expect(sparkline([0.1, 1, 0], 3, style)).toBe('▂▂▁');
  });

  it('has plain characters for plain terminals', () => {
    expect(sparkline([0, 10], 2, { isUnicode: false, atLeast: 10 })).toBe('_#');
  });
});

describe('tableLines', () => {
  const columns: Column[] = [
    { head: 'NAME', cells: ['a', 'long-name'], dispensable: 0 },
    { head: 'PLACE', cells: ['somewhere-else', 'x'], min: 6, dispensable: 1 },
    { head: 'N', cells: ['1', '20'], align: 'right', dispensable: 2 },
    { head: '', cells: ['abcdefgh', 'ijklmnop'], min: 3, keepsEnd: true, dispensable: 3 },
  ];

  it.each([
    [
      80,
      [
        'NAME       PLACE            N',
        'a          somewhere-else   1  abcdefgh',
        'long-name  x               20  ijklmnop',
      ],
    ],
    [
      36,
      [
        'NAME       PLACE            N',
        'a          somewhere-else   1  defgh',
        'long-name  x               20  lmnop',
      ],
    ],
    [
      28,
      ['NAME       PLACE      N', 'a          somewhe…   1  fgh', 'long-name  x         20  nop'],
    ],
    [24, ['NAME       PLACE       N', 'a          somewher…   1', 'long-name  x          20']],
    [17, ['NAME       PLACE', 'a          somew…', 'long-name  x']],
    [12, ['NAME', 'a', 'long-name']],
    [5, ['NAME', 'a', 'long…']],
  ])('fits %d columns', (width, lines) => {
    expect(tableLines(columns, width, '…')).toEqual(lines);
  });

  it('is never wider than the terminal', () => {
    for (let width = 0; width < 60; width += 1) {
      for (const line of tableLines(columns, width, '…'))
        expect(line.length).toBeLessThanOrEqual(width);
    }
  });
});
