import { describe, expect, it } from 'vitest';
import { FlightWindow } from '../../../src/copy/flight-window.ts';
import type { Departure } from '../../../src/copy/flight-window.ts';

const KIB = 1024;

/**
 * A path with a delay and a bottleneck, filled as far as the window lets: what it carries in the
 * given time, in bytes a millisecond, and what is under way at the end.
 */
function carried(path: { roundTripMs: number; bytesPerMs: number; durationMs: number }): {
  bytesPerMs: number;
  underWayBytes: number;
} {
  const window = new FlightWindow();
  const underWay: { departure: Departure; answeredAtMs: number; bytes: number }[] = [];
  let freeAtMs = 0;
  let carriedBytes = 0;
  for (let nowMs = 0; nowMs < path.durationMs; nowMs += 1) {
    while ((underWay[0]?.answeredAtMs ?? Infinity) <= nowMs) {
      const { departure, bytes } = underWay.shift()!;
      window.arrive(departure, nowMs);
      carriedBytes += bytes;
    }
    while (window.hasRoom) {
      const bytes = window.blockBytes;
      const departure = window.depart(bytes, nowMs);
      freeAtMs = Math.max(freeAtMs, nowMs) + bytes / path.bytesPerMs;
      underWay.push({ departure, bytes, answeredAtMs: freeAtMs + path.roundTripMs });
    }
  }
  const underWayBytes = underWay.reduce((sum, { bytes }) => sum + bytes, 0);
  return { bytesPerMs: carriedBytes / path.durationMs, underWayBytes };
}

describe('the window of one connection', () => {
  it.each([
    ['a session of 900 KiB/s, 50 ms away', 900, 50],
    ['a session of 900 KiB/s, 300 ms away', 900, 300],
    ['8 MiB/s, 200 ms away', 8192, 200],
    ['100 MiB/s, 1 ms away', 102_400, 1],
    ['40 MiB/s, 50 ms away', 40_960, 50],
  ])('fills %s', (_, kibPerSecond, roundTripMs) => {
    const bytesPerMs = (kibPerSecond * KIB) / 1000;
    const { bytesPerMs: found } = carried({ roundTripMs, bytesPerMs, durationMs: 20_000 });
    expect(found / bytesPerMs).toBeGreaterThan(0.9);
  });

  it('holds back at most half a second of a paced session for itself', () => {
    const bytesPerMs = (900 * KIB) / 1000;
    const { underWayBytes } = carried({ roundTripMs: 50, bytesPerMs, durationMs: 20_000 });
    expect(underWayBytes / bytesPerMs).toBeLessThan(500);
  });

  it('limits small requests, too, and frees what failed', () => {
    const window = new FlightWindow();
    const departures: Departure[] = [];
    while (window.hasRoom) departures.push(window.depart(0, 0));
    expect(departures).toHaveLength(64);
    for (const departure of departures) window.drop(departure);
    expect(window.hasRoom).toBe(true);
  });
});
