import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CALM, connected, download, upload } from './simulated-network.ts';
import type { SimulatedNetwork, Weather } from './simulated-network.ts';

const SIZE = 384 * 1024;
/** The shortest window, and the longest wait before a probe (docs/protocol.md §4). */
const MIN_WINDOW = 64 * 1024;
const MAX_TIMEOUT_MS = 1000;

/**
 * What the network explains, in ms of virtual time: every window of the shortest size costs a
 * round trip, and each time a frame or its answer is lost again another timeout at most. The
 * chance to be lost more than `rounds` times in a row is below one in a million.
 */
function explainedMs({ loss, delayMs, jitterMs, agentBusyMs = 0 }: Weather, bytes: number): number {
  const roundTripMs = delayMs + 2 * jitterMs + agentBusyMs + 10;
  const windows = Math.ceil(bytes / MIN_WINDOW) + 4;
  const eitherLost = 1 - (1 - loss) ** 2;
  const rounds = loss === 0 ? 1 : Math.ceil(Math.log(1e-7) / Math.log(eitherLost));
  return windows * roundTripMs * (1 + 4 * eitherLost) + rounds * (MAX_TIMEOUT_MS + roundTripMs);
}

function resendRatio({ client }: SimulatedNetwork): number {
  const { resends, nextSequenceNumber } = client.statistics;
  return resends / nextSequenceNumber;
}

const LOSSES = [0, 0.001, 0.01, 0.05, 0.2];
const ROUND_TRIPS = [0, 20, 100, 400];
const DISORDERS: [string, Partial<Weather>][] = [
  ['in order', {}],
  ['jitter', { jitterMs: 30 }],
  ['duplicates', { duplicate: 0.2 }],
  ['jitter and duplicates', { jitterMs: 60, duplicate: 0.1 }],
];
const MATRIX = LOSSES.flatMap((loss) =>
  ROUND_TRIPS.flatMap((delayMs) =>
    DISORDERS.map(([disorder, extra]): [string, Weather] => [
      `${loss * 100} % loss, ${delayMs} ms, ${disorder}`,
      { ...CALM, loss, delayMs, ...extra },
    ]),
  ),
);

describe('the data channel in bad weather', () => {
  it.each(MATRIX)('%s: byte-exact both ways, no longer than explained', (_name, weather) => {
    const data = randomBytes(SIZE);
    const network = connected(weather, 7);
    upload(network, data, explainedMs(weather, SIZE));
    expect(Buffer.concat(network.agent.received).equals(data)).toBe(true);
    // What the agent sends waits 300 ms for its next sending, each time.
    const rounds = weather.loss === 0 ? 1 : 40;
    download(network, data, explainedMs(weather, SIZE) + rounds * 300);
    expect(Buffer.concat(network.output).equals(data)).toBe(true);
    // Lost on the way there or back. Messages that overtake one another look lost until it is
    // learnt that they do, which takes the first flight.
    const learning = weather.jitterMs > 0 ? 0.7 : 0.02;
    expect(resendRatio(network)).toBeLessThan(4 * weather.loss + learning);
  });

  it('keeps its promises whatever the weather and the cuts', () => {
    const weathers = fc.record({
      loss: fc.double({ min: 0, max: 0.2, noNaN: true }),
      duplicate: fc.double({ min: 0, max: 0.5, noNaN: true }),
      delayMs: fc.double({ min: 0, max: 400, noNaN: true }),
      jitterMs: fc.double({ min: 0, max: 200, noNaN: true }),
      agentBusyMs: fc.option(fc.double({ min: 1, max: 300, noNaN: true }), { nil: undefined }),
    });
    const property = fc.property(
      weathers,
      fc.integer(),
      fc.array(fc.integer({ min: 0, max: 128 }), { maxLength: 3 }),
      (weather, seed, cutsAfter) => {
        const { agentBusyMs, ...rest } = weather;
        const actual = agentBusyMs === undefined ? rest : { ...rest, agentBusyMs };
        const data = randomBytes(128 * 1024);
        const network = connected(actual, seed);
        let offered = 0;
        const cuts = cutsAfter.toSorted((left, right) => left - right);
        const limitMs = (1 + cuts.length) * explainedMs(actual, data.length);
        network.runUntil(() => {
          while (offered < data.length && network.client.wantsInput) {
            network.client.sendInput(data.subarray(offered, offered + 16_384), network.nowMs);
            offered += 16_384;
          }
          if (network.agent.received.length >= (cuts[0] ?? Infinity)) {
            cuts.shift();
            network.cut();
          }
          return offered >= data.length && network.client.isDrained;
        }, limitMs);
        expect(Buffer.concat(network.agent.received).equals(data)).toBe(true);
      },
    );
    fc.assert(property, { numRuns: 150 });
  });
});

describe('the data channel on a good network', () => {
  it.each([
    [0, 0],
    [1, 0],
    [20, 0],
    [50, 0],
    // One probe: the first timeout is shorter than the path.
    [400, 1],
  ])('at round trips of %i ms resends %i', (delayMs, resends) => {
    const network = connected({ ...CALM, delayMs });
    upload(network, randomBytes(4 * 1024 * 1024), 60_000);
    expect(network.client.statistics.resends).toBe(resends);
  });

  it('hardly resends to an agent that is often busy, and keeps its window', () => {
    const network = connected({ ...CALM, delayMs: 0, agentBusyMs: 1 });
    upload(network, randomBytes(1024 * 1024), 10_000);
    const before = network.client.statistics.windowBytes;
    network.weather = { ...network.weather, agentBusyMs: 250 };
    upload(network, randomBytes(8 * 1024 * 1024), 60_000);
    expect(resendRatio(network)).toBeLessThan(0.01);
    expect(network.client.statistics.windowBytes).toBeGreaterThanOrEqual(before);
  });

  it('fills a slow uplink without sending anything twice', () => {
    const network = connected({ ...CALM, delayMs: 30, bytesPerMs: 60 });
    upload(network, randomBytes(1024 * 1024), 30_000);
    const { resends, roundTripMs } = network.client.statistics;
    expect(resends).toBe(0);
    // 1 MiB and its headers at 60 bytes/ms take 19.5 s; the queue stays about the first window.
    expect(roundTripMs).toBeLessThan(6000);
  });

  it('reaches 15 MB/s at 50 ms', () => {
    const network = connected({ ...CALM, delayMs: 50 });
    const startMs = network.nowMs;
    const size = 24 * 1024 * 1024;
    upload(network, Buffer.alloc(size), 10_000);
    const bytesPerMs = size / (network.nowMs - startMs);
    expect(bytesPerMs).toBeGreaterThan(15_000);
    expect(network.client.statistics.windowBytes).toBeGreaterThan(750_000);
  });

  it('lets 512 KiB leave in one burst when paced', () => {
    const network = connected({ ...CALM, delayMs: 20 }, 1, {
      pace: { perSecond: 900, burst: 900 },
    });
    const startMs = network.nowMs;
    upload(network, Buffer.alloc(512 * 1024), 5000);
    expect(network.nowMs - startMs).toBeLessThan(100);
  });

  it('sends 0.85 MiB/s when paced', () => {
    const network = connected({ ...CALM, delayMs: 20 }, 1, {
      pace: { perSecond: 900, burst: 900 },
    });
    upload(network, Buffer.alloc(1024 * 1024), 60_000);
    const startMs = network.nowMs;
    const size = 8 * 1024 * 1024;
    upload(network, Buffer.alloc(size), 60_000);
    expect(size / 1024 / 1024 / ((network.nowMs - startMs) / 1000)).toBeGreaterThan(0.85);
  });
});

describe('the pace', () => {
  const PACE = { pace: { perSecond: 900, burst: 900 } };

  it('is halved by a close about the rate and recovers', () => {
    const network = connected(CALM, 1, PACE);
    network.client.connectionLost(network.nowMs, true);
    expect(network.client.statistics.pacePerSecond).toBe(450);
    network.runFor(5000);
    upload(network, Buffer.alloc(1024), 5000);
    const later = network.client.statistics.pacePerSecond ?? 0;
    expect(later).toBeGreaterThan(450);
    expect(later).toBeLessThan(700);
    network.runFor(60_000);
    upload(network, Buffer.alloc(1024), 5000);
    expect(network.client.statistics.pacePerSecond).toBe(900);
  });

  it('stays after an ordinary cut', () => {
    const network = connected(CALM, 1, PACE);
    network.cut();
    expect(network.client.statistics.pacePerSecond).toBe(900);
  });
});

describe('a client that could not listen for a while', () => {
  it('takes nothing for lost and learns nothing from it', () => {
    const network = connected({ ...CALM, delayMs: 20 });
    upload(network, randomBytes(256 * 1024), 10_000);
    const before = network.client.statistics;
    network.client.sendInput(randomBytes(64 * 1024), network.nowMs);
    for (const frame of network.client.takeFrames(network.nowMs)) {
      network.agent.receive(frame, network.nowMs);
    }
    network.nowMs += 90_000;
    network.client.listeningAgain(network.nowMs);
    network.runUntil(() => network.client.isDrained, 1000);
    expect(network.client.statistics).toMatchObject({
      resends: before.resends,
      roundTripMs: before.roundTripMs,
      windowBytes: before.windowBytes,
    });
  });
});
