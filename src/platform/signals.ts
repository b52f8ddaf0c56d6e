import { setImmediate as nextTurn } from 'node:timers/promises';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` so that Ctrl-C leaves nothing behind: a signal between two steps of it runs `cleanup`
 * and then ends the process as it would have; one during a synchronous step waits for its end. What
 * `cleanup` is to end must be started by `work`, or a signal may come between the two.
 */
export async function withSignalCleanup<T>(
  cleanup: () => void,
  work: () => Promise<T>,
): Promise<T> {
  const end = (signal: NodeJS.Signals): void => {
    try {
      cleanup();
    } finally {
      // Only now: without a listener another signal ends the process at once. Whoever ends a program
      // may well send two, as ssh does.
      stop();
      process.kill(process.pid, signal);
    }
  };
  const stop = (): void => {
    for (const signal of SIGNALS) process.removeListener(signal, end);
  };
  for (const signal of SIGNALS) process.on(signal, end);
  try {
    return await work();
  } finally {
    // A signal that came during synchronous work is only told in the next turns of the loop.
    await nextTurn();
    await nextTurn();
    stop();
  }
}
