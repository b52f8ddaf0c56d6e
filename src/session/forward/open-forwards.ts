import { DevaccessError, errorLine } from '../../platform/errors.ts';
import { PortForward } from './port-forward.ts';
import type { PortForwardOptions } from './port-forward.ts';

/**
 * Opens all forwards or none, in the order given. The first failure gives up the others.
 *
 * @throws DevaccessError of the first one that failed; whatever `stop` was aborted with
 */
export async function openForwards(
  wanted: readonly Omit<PortForwardOptions, 'signal'>[],
  stop: AbortSignal,
): Promise<PortForward[]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([stop, failed.signal]);
  const outcomes = await Promise.allSettled(
    wanted.map(async (options) => {
      try {
        return await PortForward.open({ ...options, signal });
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
  const open = outcomes.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  );
  if (!signal.aborted) return open;
  await closeForwards(open);
  stop.throwIfAborted();
  throw forPerson(failed.signal.reason);
}

/** Closes listeners and connections, and ends the sessions. */
export async function closeForwards(forwards: readonly PortForward[]): Promise<void> {
  await Promise.all(forwards.map((forward) => forward.close()));
}

function forPerson(error: unknown): DevaccessError {
  if (error instanceof DevaccessError) return error;
  const message = `The forward could not be opened: ${errorLine(error)}`;
  return new DevaccessError('DA_GATEWAY', message, { cause: error });
}
