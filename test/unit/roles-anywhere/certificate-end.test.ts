import { describe, expect, it } from 'vitest';
import { isNearEnd } from '../../../src/roles-anywhere/certificate-end.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('a certificate', () => {
  it.each([
    ['a year', 365 * DAY_MS, 30 * DAY_MS],
    ['a day', DAY_MS, 6 * HOUR_MS],
  ])('of %s is near its end for its last part', (_name, lifeMs, lastMs) => {
    const validity = { notBeforeMs: 0, notAfterMs: lifeMs };
    expect(isNearEnd(validity, lifeMs - lastMs - 1)).toBe(false);
    expect(isNearEnd(validity, lifeMs - lastMs + 1)).toBe(true);
    // What has expired is told in other words.
    expect(isNearEnd(validity, lifeMs + 1)).toBe(false);
  });
});
