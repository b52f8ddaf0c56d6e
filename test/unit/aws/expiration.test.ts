import { describe, expect, it } from 'vitest';
import { formatExpiration, parseExpiration } from '../../../src/aws/expiration.ts';

const NOW = Date.UTC(2026, 0, 1);

describe('expiration', () => {
  it.each([
    ['2026-01-01 00:00:00', NOW],
    ['2026-01-01T00:00:00', NOW],
    ['2026-01-01T00:00:00Z', NOW],
    ['2026-01-01 00:00:00+00:00', NOW],
    ['2026-01-01T01:00:00+01:00', NOW],
    ['2026-01-01T00:00:00.5Z', NOW + 500],
    ['2026-01-01T00:00:00.123456789Z', NOW + 123],
    ['2026-13-01 00:00:00', undefined],
    ['2026-01-01', undefined],
    ['', undefined],
  ])('reads %j', (text, timeMs) => {
    expect(parseExpiration(text)).toBe(timeMs);
  });

  it('is written as aws-mfa writes it', () => {
    expect(formatExpiration(NOW + 999)).toBe('2026-01-01 00:00:00');
  });
});
