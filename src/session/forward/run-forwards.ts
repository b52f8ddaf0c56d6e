import type { Log } from '../../platform/log.ts';
import type { SessionApi } from '../session-api.ts';
import { closeForwards, openForwards } from './open-forwards.ts';
import type { PortForward, ForwardEvent, ForwardRequest } from './port-forward.ts';

export interface RunForwardsOptions {
  api: SessionApi;
  requests: ForwardRequest[];
  log: Log;
  onEvent: (request: ForwardRequest, event: ForwardEvent) => void;
  /** Ends all of them. */
  stop: AbortSignal;
}

/**
 * Opens several forwards, keeps them until `stop`, and ends every session. When
 * one cannot be opened the others are closed again and its error is thrown.
 *
 * @throws DevaccessError
 */
export async function runForwards(options: RunForwardsOptions): Promise<void> {
  const { api, requests, log, onEvent, stop } = options;
  const stopped = new Promise((resolve) => {
    stop.addEventListener('abort', resolve);
  });
  const wanted = requests.map((request) => ({
    api,
    request,
    log,
    onEvent: (event: ForwardEvent) => onEvent(request, event),
  }));
  let forwards: PortForward[];
  try {
    forwards = await openForwards(wanted, stop);
  } catch (error) {
    if (stop.aborted) return;
    throw error;
  }
  await stopped;
  await closeForwards(forwards);
}
