import { describe, expect, it } from 'vitest';
import { ExpiryWatch } from '../../../../src/session/tunnels/expiry-watch.ts';

const MINUTE = 60_000;
const day = Date.UTC(2026, 10, 23);

function expiry(endsAtMs: number | undefined) {
  return { owner: 'work', endsAtMs, renew: 'devaccess mfa --profile work' };
}

describe('ExpiryWatch', () => {
  it('announces the end 15 minutes before, at the end, and that it was renewed: each once', () => {
    const watch = new ExpiryWatch();
    const end = day + 60 * MINUTE;
    const heard = [0, 44, 45, 50, 59, 60, 61, 90].map(
      (minute) => watch.observe(expiry(end), day + minute * MINUTE)?.event,
    );
    expect(heard).toEqual([
      undefined,
      undefined,
      'credentials-ending',
      undefined,
      undefined,
      'credentials-ended',
      undefined,
      undefined,
    ]);
    const renewed = expiry(day + 12 * 60 * MINUTE);
    expect(watch.observe(renewed, day + 91 * MINUTE)).toEqual({
      event: 'credentials-renewed',
      owner: 'work',
      endsAt: '2026-11-23T12:00:00.000Z',
      renew: 'devaccess mfa --profile work',
    });
    expect(watch.observe(renewed, day + 92 * MINUTE)).toBeUndefined();
  });

  it('calls a short new session a new one', () => {
    const watch = new ExpiryWatch();
    expect(watch.observe(expiry(day), day)?.event).toBe('credentials-ended');
    expect(watch.observe(expiry(day + MINUTE), day)?.event).toBe('credentials-renewed');
    expect(watch.observe(expiry(day + MINUTE), day + MINUTE)?.event).toBe('credentials-ended');
  });

  it('says nothing of what does not end', () => {
    const watch = new ExpiryWatch();
    expect(watch.observe(expiry(undefined), day)).toBeUndefined();
    watch.observe(expiry(day), day);
    expect(watch.observe(expiry(undefined), day)).toMatchObject({
      event: 'credentials-renewed',
      endsAt: null,
    });
  });
});
