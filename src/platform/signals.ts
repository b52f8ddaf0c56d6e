const HELD = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a short piece of work to its end although the person presses Ctrl-C meanwhile: the signal
 * takes effect right after, so nothing is half-done and no lock stays behind.
 */
export async function withSignalsHeld<T>(work: () => Promise<T>): Promise<T> {
  let arrived: NodeJS.Signals | undefined;
  const hold = (signal: NodeJS.Signals): void => void (arrived ??= signal);
  for (const signal of HELD) process.on(signal, hold);
  try {
    return await work();
  } finally {
    for (const signal of HELD) process.removeListener(signal, hold);
    if (arrived !== undefined) process.kill(process.pid, arrived);
  }
}
