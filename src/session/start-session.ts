import { doneOrStopped } from '../platform/stop-request.ts';
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
  if (stop.aborted) return undefined;
  const session = await doneOrStopped(api.start(request), stop, STOP_PATIENCE_MS);
  if (session === undefined || !isAborted(stop)) return session;
  await api.terminate(session.sessionId).catch(() => undefined);
  return undefined;
}

/** A signal may have been aborted since it was last looked at. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
