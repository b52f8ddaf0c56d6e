import type { SessionApi, SessionRequest, StartedSession } from './session-api.ts';

/** How long an answer to StartSession is waited for once a stop was asked for, to end what it started. */
const STOP_PATIENCE_MS = 3_000;

/**
 * Starts a session, or none: a stop that comes while the request is on its way ends what it started.
 *
 * @returns undefined when stopped
 * @throws DevaccessError what StartSession failed with
 */
export async function startSession(
  api: SessionApi,
  request: SessionRequest,
  stop: AbortSignal,
): Promise<StartedSession | undefined> {
  const isStopped = (): boolean => stop.aborted;
  if (isStopped()) return undefined;
  const starting = api.start(request);
  let timer: NodeJS.Timeout | undefined;
  let onStop: () => void = () => undefined;
  const stopped = new Promise<undefined>((resolve) => {
    onStop = () => {
      timer = setTimeout(() => resolve(undefined), STOP_PATIENCE_MS);
    };
    stop.addEventListener('abort', onStop);
  });
  try {
    const session = await Promise.race([starting, stopped]);
    if (session === undefined || !isStopped()) return session;
    await api.terminate(session.sessionId).catch(() => undefined);
    return undefined;
  } catch (error) {
    if (isStopped()) return undefined;
    throw error;
  } finally {
    starting.catch(() => undefined);
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  }
}
