import { DevaccessError } from '../../platform/errors.ts';
import { runInSession } from './command-session.ts';
import type { CommandOptions } from './command-session.ts';
import { runByRunCommand } from './run-command.ts';
import type { RunCommandApi } from '../../aws/run-command/run-command-api.ts';
import type { SessionApi } from '../session-api.ts';

/** `auto`: a session, and Run Command where no session document may be used. */
export type Via = 'auto' | 'session' | 'run-command';

/** The services as one account in one region offers them. */
export interface RunApis {
  session: SessionApi;
  /** Made when it is first needed. */
  runCommand: () => Promise<RunCommandApi>;
}

export interface HostOutcome {
  /** Undefined when it was stopped. */
  exitCode: number | undefined;
  via: 'session' | 'run-command';
  /** More was said than the service shows. */
  isTruncated: boolean;
}

/** Refusals of StartSession after which Run Command is worth a try. */
const REFUSED = new Set([
  'DA_ACCESS_DENIED',
  'DA_ADVANCED_TIER',
  'DA_DOCUMENT',
  'DA_DOCUMENT_DENIED',
]);

const FALL_BACK = 'going on with Run Command, which runs as root and shows the output at the end.';

/**
 * Runs a line in a shell on one node, by the way that is allowed.
 *
 * @throws DevaccessError of the session where neither way is allowed
 */
export async function runOnHost(
  options: CommandOptions & { apis: RunApis; via: Via },
): Promise<HostOutcome> {
  const { apis, via } = options;
  if (via === 'run-command') return byRunCommand(options);
  try {
    const exitCode = await runInSession({ ...options, api: apis.session });
    return { exitCode, via: 'session', isTruncated: false };
  } catch (error) {
    const isRefused = error instanceof DevaccessError && REFUSED.has(error.code);
    if (via === 'session' || !isRefused) throw error;
    try {
      return await byRunCommand(options, () => options.say(`${reasonOf(error)}; ${FALL_BACK}`));
    } catch (second) {
      const isRefusedToo = second instanceof DevaccessError && REFUSED.has(second.code);
      throw isRefusedToo ? error : second;
    }
  }
}

function reasonOf({ code, message }: DevaccessError): string {
  return code === 'DA_ADVANCED_TIER'
    ? message.replace(/\.$/, '')
    : 'AWS-StartNonInteractiveCommand may not be used';
}

async function byRunCommand(
  options: CommandOptions & { apis: RunApis },
  onSent: () => void = () => undefined,
): Promise<HostOutcome> {
  const api = await options.apis.runCommand();
  const outcome = await runByRunCommand({ ...options, api, onSent });
  return { ...outcome, via: 'run-command' };
}
