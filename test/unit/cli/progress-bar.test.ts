import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { progressLine, RecentRate } from '../../../src/cli/progress-bar.ts';

const MIB = 1024 * 1024;
const half = { files: 3, filesDone: 1, bytes: 200 * MIB, bytesDone: 100 * MIB };

describe('a line of progress', () => {
  it.each([
    [
      90,
      ' 50% [############.............]  0:20 left  5.00 MiB/s  100 MiB of 200 MiB  1 of 3 files',
    ],
    [60, ' 50%  0:20 left  5.00 MiB/s  100 MiB of 200 MiB'],
    [40, ' 50%  0:20 left  5.00 MiB/s'],
    [12, ' 50%'],
    [3, ''],
  ])('fits into %i columns', (columns, line) => {
    expect(progressLine(half, 5 * MIB, columns)).toBe(line);
  });

  it('says no more than is known', () => {
    expect(progressLine(half, undefined, 50)).toBe(' 50%  100 MiB of 200 MiB  1 of 3 files');
    expect(progressLine({ ...half, files: 1, bytesDone: half.bytes }, 1, 50)).toBe(
      '100% [############]  checking  200 MiB of 200 MiB',
    );
    expect(progressLine({ files: 2, filesDone: 1, bytes: 0, bytesDone: 0 }, 0, 30)).toContain(
      '50%',
    );
    expect(progressLine(half, 1000, 60)).toContain('29:07:38 left');
    expect(progressLine(half, 1, 60)).not.toContain('left');
  });

  it('never wraps', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(), fc.nat(), fc.nat(), (columns, bytes, bytesDone, rate) => {
        const line = progressLine({ files: 9, filesDone: 2, bytes, bytesDone }, rate, columns);
        expect(line.length).toBeLessThan(Math.max(columns, 1));
      }),
    );
  });
});

describe('the rate of the last seconds', () => {
  it('forgets what was before', () => {
    const rate = new RecentRate();
    rate.sample(0, 0);
    expect(rate.bytesPerSecond).toBeUndefined();
    rate.sample(1000, 1000);
    expect(rate.bytesPerSecond).toBe(1000);
    for (let second = 2; second < 30; second += 1) rate.sample(1000 + second, second * 1000);
    expect(rate.bytesPerSecond).toBe(1);
  });
});
