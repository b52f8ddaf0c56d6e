import { describe, expect, it } from 'vitest';
import { HISTORY_SECONDS, RateMeter } from '../../../../src/session/tunnels/rate-meter.ts';

describe('RateMeter', () => {
  it('tells the rate of the last second, and those before', () => {
    const meter = new RateMeter();
    meter.sample(0, { up: 0, down: 0 });
    expect(meter.rate).toEqual({ up: 0, down: 0 });
    meter.sample(1000, { up: 10, down: 1000 });
    meter.sample(2000, { up: 10, down: 3000 });
    expect(meter.rate).toEqual({ up: 0, down: 2000 });
    expect(meter.history).toEqual([1010, 2000]);
  });

  it('takes a late sample for as many seconds', () => {
    const meter = new RateMeter();
    meter.sample(0, { up: 0, down: 0 });
    meter.sample(3000, { up: 0, down: 300 });
    expect(meter.history).toEqual([100, 100, 100]);
  });

  it('shows a gap without traffic, and no more than its history', () => {
    const meter = new RateMeter();
    meter.sample(0, { up: 0, down: 0 });
    meter.sample(1000, { up: 0, down: 500 });
    meter.sample(3_600_000, { up: 0, down: 500 });
    meter.sample(3_601_000, { up: 0, down: 600 });
    expect(meter.history).toEqual([...Array<number>(HISTORY_SECONDS - 1).fill(0), 100]);
  });

  it('does not count what comes within a moment as a second of its own', () => {
    const meter = new RateMeter();
    meter.sample(0, { up: 0, down: 0 });
    meter.sample(10, { up: 0, down: 50 });
    meter.sample(1000, { up: 0, down: 100 });
    expect(meter.history).toEqual([100]);
  });
});
