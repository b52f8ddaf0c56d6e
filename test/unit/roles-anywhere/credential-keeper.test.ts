import { describe, expect, it } from 'vitest';
import type { KeptCredentials } from '../../../src/aws/credential-cache.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';
import { CredentialKeeper } from '../../../src/roles-anywhere/credential-keeper.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A keeper whose clock moves when it waits; it is stopped after so many fetches. */
function kept(
  fetches: number,
  answer: (nowMs: number, count: number) => Partial<KeptCredentials> | Error,
) {
  const stop = new AbortController();
  const clock = { nowMs: 0 };
  const times: number[] = [];
  const failures: number[] = [];
  const naps: number[] = [];
  const fetch = (): Promise<KeptCredentials> => {
    times.push(clock.nowMs / MINUTE_MS);
    if (times.length === fetches) stop.abort();
    const given = answer(clock.nowMs, times.length);
    if (given instanceof Error) return Promise.reject(given);
    const credentials = {
      accessKeyId: `ASIA${times.length}`,
      secretAccessKey: 's',
      sessionToken: 't',
      obtainedMs: clock.nowMs,
      expirationMs: clock.nowMs + HOUR_MS,
    };
    return Promise.resolve({ ...credentials, ...given });
  };
  const keeper = new CredentialKeeper(fetch, {
    now: () => clock.nowMs,
    random: () => 0,
    pause: (ms) => {
      naps.push(ms);
      clock.nowMs += ms;
      return Promise.resolve();
    },
    onFailed: (_error, nextMs) => failures.push(nextMs / MINUTE_MS),
  });
  return { keeper, clock, stop: stop.signal, times, failures, naps };
}

const throttled = new DevaccessError('DA_THROTTLED', 'too often');

describe('a keeper of credentials', () => {
  it('renews them a quarter of an hour before they end, and notices a clock that jumps', async () => {
    const { keeper, stop, times, naps } = kept(3, () => ({}));
    await keeper.keep(stop);
    expect(times).toEqual([0, 45, 90]);
    expect(Math.max(...naps)).toBeLessThanOrEqual(30_000);
  });

  it('renews short ones half-way', async () => {
    const { keeper, stop, times } = kept(3, (nowMs) => ({ expirationMs: nowMs + 15 * MINUTE_MS }));
    await keeper.keep(stop);
    expect(times).toEqual([0, 7.5, 15]);
  });

  it('tries again at growing intervals, and hands out what still lasts, but nothing that ended', async () => {
    const { keeper, clock, stop, times, failures } = kept(7, (_nowMs, count) =>
      count === 1 ? {} : throttled,
    );
    await keeper.keep(stop);
    expect(times).toEqual([0, 45, 46, 48, 52, 57, 62]);
    expect(failures).toHaveLength(6);
    const isThere = [59, 60].map((minute) => {
      clock.nowMs = minute * MINUTE_MS;
      return keeper.credentials !== undefined;
    });
    expect(isThere).toEqual([true, false]);
  });

  it('does not let them last longer by a clock that is set back', async () => {
    const elapsed = { ms: 0 };
    const made = { accessKeyId: 'ASIA', secretAccessKey: 's', sessionToken: 't' };
    const times = { obtainedMs: 10 * HOUR_MS, expirationMs: 11 * HOUR_MS };
    const clock = { nowMs: 10 * HOUR_MS };
    const keeper = new CredentialKeeper(() => Promise.resolve({ ...made, ...times }), {
      now: () => clock.nowMs,
      elapsed: () => elapsed.ms,
      onFailed: () => undefined,
    });
    await keeper.renew();
    clock.nowMs = 0;
    elapsed.ms = HOUR_MS - 1;
    expect(keeper.credentials).toBeDefined();
    elapsed.ms = HOUR_MS;
    expect(keeper.credentials).toBeUndefined();
    // The same again are no better.
    await expect(keeper.demand()).rejects.toThrow('set back');
    await expect(keeper.demand()).rejects.toThrow('set back');
  });

  it('takes the same credentials again for a failure', async () => {
    const same = { accessKeyId: 'ASIA', obtainedMs: 0, expirationMs: HOUR_MS };
    const { keeper, stop, times } = kept(4, () => same);
    await keeper.keep(stop);
    expect(times).toEqual([0, 45, 46, 48]);
  });

  it('ends at once where trying again does not help at the start, and never later', async () => {
    const mismatch = new DevaccessError('DA_KEY_MISMATCH', 'not its key');
    await expect(async () => {
      const { keeper, stop } = kept(9, () => mismatch);
      await keeper.keep(stop);
    }).rejects.toBe(mismatch);
    const later = kept(3, (_nowMs, count) => (count === 1 ? {} : mismatch));
    await later.keeper.keep(later.stop);
    expect(later.times).toEqual([0, 45, 46]);
    const atBoot = kept(3, (_nowMs, count) => (count < 3 ? throttled : {}));
    await atBoot.keeper.keep(atBoot.stop);
    expect(atBoot.keeper.credentials).toMatchObject({ accessKeyId: 'ASIA3' });
  });

  it('asks once for all who demand, and not at all soon after a failure', async () => {
    const { keeper, times, clock } = kept(9, (_nowMs, count) => (count === 1 ? throttled : {}));
    await expect(keeper.demand()).rejects.toBe(throttled);
    await expect(keeper.demand()).rejects.toBe(throttled);
    expect(times).toHaveLength(1);
    clock.nowMs += 6_000;
    const all = await Promise.all([keeper.demand(), keeper.demand(), keeper.demand()]);
    expect(new Set(all).size).toBe(1);
    expect(times).toHaveLength(2);
  });
});
