import type { ReadStream, WriteStream } from 'node:tty';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
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
  /** Asks the person for a code, on the terminal, when the credentials have expired. */
  renewCredentials: () => Promise<boolean>;
  /** Aborted when a signal asks to stop. */
  stop: AbortSignal;
}

/**
 * Opens a shell on a node, or the program of another session document, and stays to its end.
 *
 * @throws DevaccessError when the session could not start or ended in an error; none is left open
 */
export async function runShell(options: RunShellOptions): Promise<ShellEnd> {
  const { api, request, log } = options;
  const session = await startWithCode(options);
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

async function startWithCode({ api, request, renewCredentials, stop }: RunShellOptions) {
  try {
    return await startSession(api, request, stop);
  } catch (error) {
    const isForPerson = error instanceof DevaccessError && error.exitCode === EXIT.needsPerson;
    if (!isForPerson || !(await renewCredentials())) throw error;
    return startSession(api, request, stop);
  }
}
