const EXIT_OF_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A signal's wish that the process comes to an end, for work that has to clear up first. */
export interface StopRequest {
  readonly signal: AbortSignal;
  /** What the process is to exit with; undefined as long as nobody asked. */
  readonly exitCode: number | undefined;
  /** Gives the signals back their usual effect. */
  release(): void;
}

/** A key that is held down, or pressed twice in haste, is one wish. */
const HASTE_MS = 1_000;

/**
 * Takes over SIGHUP, SIGINT and SIGTERM.
 *
 * @param onStop for work whose clearing up may take long: told of the first signal; a later one ends the
 *   process at once
 */
export function takeStopSignals(onStop?: () => void): StopRequest {
  const controller = new AbortController();
  let exitCode: number | undefined;
  let askedAtMs = Infinity;
  const listeners = Object.entries(EXIT_OF_SIGNAL).map(([signal, code]) => {
    const listener = (): void => {
      const isAgain = performance.now() - askedAtMs > HASTE_MS;
      if (isAgain && onStop !== undefined) process.exit(exitCode);
      exitCode ??= code;
      if (askedAtMs === Infinity) {
        askedAtMs = performance.now();
        onStop?.();
      }
      controller.abort();
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    release: () => {
      for (const { signal, listener } of listeners) process.removeListener(signal, listener);
    },
  };
}

/**
 * The outcome of work that cannot be called off, or `undefined` when a stop was asked for and the
 * work is still not done `patienceMs` later, or fails.
 *
 * @throws what the work fails with while nobody has asked for a stop
 */
export async function doneOrStopped<Outcome>(
  work: Promise<Outcome>,
  stop: AbortSignal,
  patienceMs: number,
): Promise<Outcome | undefined> {
  const isStopped = (): boolean => stop.aborted;
  let timer: NodeJS.Timeout | undefined;
  let onStop: () => void = () => undefined;
  const stopped = new Promise<undefined>((resolve) => {
    onStop = () => {
      timer = setTimeout(() => resolve(undefined), patienceMs);
    };
    if (isStopped()) onStop();
    else stop.addEventListener('abort', onStop);
  });
  try {
    return await Promise.race([work, stopped]);
  } catch (error) {
    if (isStopped()) return undefined;
    throw error;
  } finally {
    work.catch(() => undefined);
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  }
}
