import { describe, expect, it } from 'vitest';
import { DownloadBacklog } from '../../../../src/session/forward/download-backlog.ts';

const LIMITS = { connectionBytes: 800, sessionBytes: 2000, patienceMs: 10_000 };
const backlog = (): DownloadBacklog<string> => new DownloadBacklog(LIMITS);

describe('what waits for local connections', () => {
  it('holds the session when one has too much, until some of it was taken', () => {
    const waiting = backlog();
    waiting.add('slow', 799, 0);
    expect(waiting.isFull).toBe(false);
    waiting.add('slow', 1, 0);
    expect(waiting.isFull).toBe(true);
    waiting.taken('slow', 100, 1);
    expect(waiting.isFull).toBe(true);
    waiting.taken('slow', 1, 1);
    expect(waiting.isFull).toBe(false);
  });

  it('gives nobody up while nobody else wants anything', () => {
    const waiting = backlog();
    waiting.add('idle', 10, 0);
    waiting.taken('idle', 10, 0);
    waiting.add('paused', 800, 5_000);
    expect(waiting.check(10_000_000)).toBeUndefined();
  });

  it('gives up who holds up another that asks for something', () => {
    const waiting = backlog();
    waiting.add('stuck', 800, 0);
    waiting.wants('stuck', 1_000);
    waiting.wants('other', 5_000);
    expect(waiting.check(14_999)).toBeUndefined();
    expect(waiting.check(15_000)).toBe('stuck');
    waiting.remove('stuck', 15_000);
    expect(waiting.isFull).toBe(false);
    expect(waiting.check(1_000_000)).toBeUndefined();
  });

  it('takes one that was just receiving for one that wants more', () => {
    const waiting = backlog();
    waiting.add('other', 10, 100);
    waiting.add('stuck', 800, 500);
    expect(waiting.check(10_500)).toBe('stuck');
  });

  /** Holds up another for two seconds, again and again, and takes just enough to go on. */
  function dawdle(waiting: DownloadBacklog<string>, rounds: number, fromMs: number): number {
    let nowMs = fromMs;
    for (let round = 0; round < rounds; round += 1) {
      waiting.add('slow', 101, nowMs);
      waiting.wants('other', nowMs);
      nowMs += 2_000;
      waiting.taken('slow', 101, nowMs);
    }
    return nowMs;
  }

  it('adds up how long a slow one holds up others', () => {
    const waiting = backlog();
    waiting.add('slow', 699, 0);
    expect(waiting.check(dawdle(waiting, 4, 0))).toBeUndefined();
    expect(waiting.check(dawdle(waiting, 1, 8_000))).toBe('slow');
  });

  it('forgives a slow one that has caught up', () => {
    const waiting = backlog();
    waiting.add('slow', 699, 0);
    const nowMs = dawdle(waiting, 4, 0);
    waiting.taken('slow', 300, nowMs);
    waiting.add('slow', 300, nowMs);
    expect(waiting.check(dawdle(waiting, 4, nowMs))).toBeUndefined();
  });

  it('holds the session for all together, and blames the one with the most', () => {
    const waiting = backlog();
    for (const key of ['a', 'b']) waiting.add(key, 600, 0);
    waiting.add('most', 750, 10_000);
    expect(waiting.isFull).toBe(false);
    waiting.add('c', 50, 10_000);
    expect(waiting.isFull).toBe(true);
    expect(waiting.check(20_000)).toBe('most');
    waiting.taken('a', 1, 20_000);
    expect(waiting.isFull).toBe(false);
  });

  it('is not held by what waits for one that has finished, but for its size', () => {
    const waiting = backlog();
    waiting.add('done', 900, 0);
    waiting.finish('done');
    expect(waiting.isFull).toBe(false);
    waiting.add('other', 700, 0);
    waiting.add('more', 400, 0);
    expect(waiting.isFull).toBe(true);
    waiting.remove('done', 0);
    expect(waiting.isFull).toBe(false);
  });
});
