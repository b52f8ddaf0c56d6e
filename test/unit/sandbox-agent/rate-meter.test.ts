import { describe, expect, it } from 'vitest';
import { RateMeter } from '../../../src/sandbox/gateway/rate-meter.ts';

/** What a steady stream of messages meets, as [time, verdict] of each that is not `ok`. */
function stream(meter: RateMeter, perSecond: number, forMs: number): [number, string][] {
  const met: [number, string][] = [];
  const count = (perSecond * forMs) / 1000;
  for (let index = 0; index < count; index += 1) {
    const nowMs = (index * 1000) / perSecond;
    const verdict = meter.count(nowMs);
    if (verdict !== 'ok') met.push([nowMs, verdict]);
  }
  return met;
}

describe('the rate meter', () => {
  it('lets the limit itself and short bursts pass', () => {
    expect(stream(new RateMeter(1000), 1000, 60_000)).toEqual([]);
    expect(stream(new RateMeter(1000), 10_000, 200)).toEqual([]);
  });

  it('pauses a client that stays above the limit, then closes it', () => {
    const met = stream(new RateMeter(1000), 2000, 4000);
    expect(met[0]).toEqual([1000, 'pause']);
    expect(met[1]?.[1]).toBe('close');
  });

  it('forgives a client that stops', () => {
    const meter = new RateMeter(10);
    expect(stream(meter, 100, 300).map(([, verdict]) => verdict)).toEqual([
      'pause',
      'close',
      'close',
      'close',
      'close',
    ]);
    expect(meter.releaseAtMs).toBeDefined();
    meter.release();
    expect(meter.releaseAtMs).toBeUndefined();
    expect(meter.count(5000)).toBe('ok');
  });
});
