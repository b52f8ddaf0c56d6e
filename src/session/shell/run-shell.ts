import type { ReadStream, WriteStream } from 'node:tty';
import type { Log } from '../../platform/log.ts';
import type { SessionApi, SessionRequest } from '../session-api.ts';
import { startSession } from '../start-session.ts';
import { ShellSession } from './shell-session.ts';
import type { ShellEnd } from './shell-session.ts';

export interface RunShellOptions {
  api: SessionApi;
  request: SessionRequest;
  /** What the person calls the host. */
  name: string;
  stdin: ReadStream;
  stdout: WriteStream;
  stderr: WriteStream;
  log: Log;
  /** Aborted when a signal asks to stop. */
  stop: AbortSignal;
}

/**
 * Opens a shell on a node, or the program of another session document, and stays to its end.
 *
 * @throws DevaccessError when the session could not start or ended in an error; none is left open
 */
export async function runShell(options: RunShellOptions): Promise<ShellEnd> {
  const { api, request, log, stop } = options;
  const session = await startSession(api, request, stop);
  if (session === undefined) return { exitCode: undefined, isLeft: true };
  log.event('started', { sessionId: session.sessionId, target: request.target });
  let shell: ShellSession;
  try {
    shell = new ShellSession({ ...options, session, target: request.target });
  } catch (error) {
    // Its stream address was refused; it is open all the same.
    await api.terminate(session.sessionId).catch(() => undefined);
    throw error;
  }
  return shell.run();
}
