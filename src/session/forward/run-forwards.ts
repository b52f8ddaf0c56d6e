import { DevaccessError } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import type { SessionApi } from '../session-api.ts';
import { PortForward } from './port-forward.ts';
import type { ForwardEvent, ForwardRequest } from './port-forward.ts';

export interface RunForwardsOptions {
  api: SessionApi;
  requests: ForwardRequest[];
  log: Log;
  onEvent: (request: ForwardRequest, event: ForwardEvent) => void;
}

/**
 * Opens several forwards, keeps them until SIGINT, SIGTERM or SIGHUP, and ends every session. When
 * one cannot be opened the others are closed again and its error is thrown.
 *
 * @throws DevaccessError
 */
export async function runForwards(options: RunForwardsOptions): Promise<void> {
  const { api, requests, log, onEvent } = options;
  const stopped = untilStopped();
  const opening = requests.map((request) =>
    PortForward.open({ api, request, log, onEvent: (event) => onEvent(request, event) }),
  );
  const outcomes = await Promise.allSettled(opening);
  const open = outcomes.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  );
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure === undefined) await stopped;
  await Promise.all(open.map((forward) => forward.close()));
  if (failure === undefined) return;
  if (failure.reason instanceof DevaccessError) throw failure.reason;
  throw new DevaccessError(
    'DA_GATEWAY',
    `The forward could not be opened: ${String(failure.reason)}`,
    {
      cause: failure.reason,
    },
  );
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => resolve());
    }
  });
}
