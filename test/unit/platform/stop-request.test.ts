import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { doneOrStopped } from '../../../src/platform/stop-request.ts';

const NEVER = new Promise<string>(() => undefined);

describe('work that cannot be called off', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is waited for as long as nobody asks for a stop', async () => {
    const { signal } = new AbortController();
    await expect(doneOrStopped(Promise.resolve('done'), signal, 0)).resolves.toBe('done');
    const failing = doneOrStopped(Promise.reject(new Error('no')), signal, 0);
    await expect(failing).rejects.toThrow('no');
  });

  it.each([
    ['while it is under way', false],
    ['before', true],
  ])('is given up a moment after a stop that was asked for %s', async (_when, isBefore) => {
    const stop = new AbortController();
    if (isBefore) stop.abort();
    let outcome: unknown = 'waiting';
    void doneOrStopped(NEVER, stop.signal, 3_000).then((value) => (outcome = value));
    stop.abort();
    await vi.advanceTimersByTimeAsync(2_999);
    expect(outcome).toBe('waiting');
    await vi.advanceTimersByTimeAsync(1);
    expect(outcome).toBeUndefined();
  });

  it('may still come to its end in that moment, and its failure is nobody’s concern', async () => {
    const late = async (
      settle: (work: { resolve: (value: string) => void; reject: (error: Error) => void }) => void,
    ): Promise<unknown> => {
      const stop = new AbortController();
      const work = new Promise<string>((resolve, reject) =>
        setTimeout(() => settle({ resolve, reject }), 1_000),
      );
      const waiting = doneOrStopped(work, stop.signal, 3_000);
      stop.abort();
      await vi.advanceTimersByTimeAsync(1_000);
      return waiting;
    };
    await expect(late(({ resolve }) => resolve('done'))).resolves.toBe('done');
    const failed = late(({ reject }) => reject(new Error('no')));
    await expect(failed).resolves.toBeUndefined();
  });
});
