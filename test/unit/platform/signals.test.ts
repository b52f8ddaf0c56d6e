import { afterEach, expect, it, vi } from 'vitest';
import { withSignalCleanup } from '../../../src/platform/signals.ts';

afterEach(() => vi.restoreAllMocks());

it('clears up under its listener, so that a second signal does not end it half-way', async () => {
  const before = process.listenerCount('SIGTERM');
  const ended = vi.spyOn(process, 'kill').mockReturnValue(true);
  const seen: string[] = [];
  const note = (what: string): number =>
    seen.push(`${what}: ${process.listenerCount('SIGTERM') - before}, ${ended.mock.calls.length}`);
  await withSignalCleanup(
    () => note('cleanup'),
    async () => {
      process.emit('SIGTERM', 'SIGTERM');
      note('work');
      return Promise.resolve();
    },
  );
  expect(seen).toEqual(['cleanup: 1, 0', 'work: 0, 1']);
  expect(ended).toHaveBeenCalledWith(process.pid, 'SIGTERM');
});

it('ends the process also where clearing up fails', async () => {
  const ended = vi.spyOn(process, 'kill').mockReturnValue(true);
  const work = withSignalCleanup(
    () => {
      throw new Error('no');
    },
    () => Promise.resolve(process.emit('SIGHUP', 'SIGHUP')),
  );
  await expect(work).rejects.toThrow('no');
  expect(ended).toHaveBeenCalledWith(process.pid, 'SIGHUP');
});
