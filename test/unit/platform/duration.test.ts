import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../../src/platform/duration.ts';

describe('lengths of time', () => {
  it.each([
    ['90', 90_000],
    ['90s', 90_000],
    ['15m', 900_000],
    ['2h', 7_200_000],
  ])('%s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '0', '-1', '1.5s', '5d', 'soon', '9999999h', '1 m'])('not %j', (text) => {
    expect(() => parseDuration(text)).toThrow(/not a length of time/);
  });
});
