import { DevaccessError, EXIT } from '../../platform/errors.ts';
import type { CommandInvocation } from './run-command-api.ts';

/** What GetCommandInvocation shows of a script's output, in characters. */
const SHOWN_STDOUT = 24_000;
const SHOWN_STDERR = 8_000;

/** What a script said, and how it ended. */
export interface ScriptOutcome {
  /** Undefined when it did not come to its own end, which `failure` then tells of. */
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
  /** The service shows the beginning of the output only. */
  isTruncated: boolean;
  failure: DevaccessError | undefined;
}

/** Whether an invocation in this status still goes on. */
export function isUnfinished(status: string): boolean {
  return ['Pending', 'InProgress', 'Delayed', 'Cancelling'].includes(status);
}

/** The outcome that an invocation at its end tells of. */
export function outcomeOf(
  target: string,
  commandId: string,
  invocation: CommandInvocation,
): ScriptOutcome {
  const { status, responseCode, stdout, stderr } = invocation;
  const isOwnEnd = (status === 'Success' || status === 'Failed') && responseCode >= 0;
  return {
    exitCode: isOwnEnd ? responseCode : undefined,
    stdout,
    stderr: withoutRemark(stderr, responseCode),
    isTruncated: stdout.length >= SHOWN_STDOUT || stderr.length >= SHOWN_STDERR,
    failure: isOwnEnd ? undefined : unfinished(target, commandId, invocation),
  };
}

/** The agent's own remark behind what a failed script said, which its exit code tells. */
function withoutRemark(stderr: string, responseCode: number): string {
  const remark = `failed to run commands: exit status ${responseCode}`;
  return stderr.endsWith(remark) ? stderr.slice(0, -remark.length) : stderr;
}

function unfinished(
  target: string,
  commandId: string,
  { status = '', statusDetails }: CommandInvocation,
): DevaccessError {
  const how = statusDetails === '' ? status : statusDetails;
  return new DevaccessError(
    'DA_COMMAND_UNFINISHED',
    `Run Command ${commandId} on ${target} did not come to its own end: ${how}.`,
    { next: 'check the agent on the node; the command may have run.' },
  );
}

/** Whether only the person can mend it, so that asking again would be in vain. */
export function isForPerson(error: unknown): boolean {
  return error instanceof DevaccessError && error.exitCode === EXIT.needsPerson;
}

/** An error of asking for the end of what was sent. */
export function unknownEnd(who: string, commandId: string, error: unknown): unknown {
  if (!(error instanceof DevaccessError)) return error;
  return new DevaccessError(
    error.code,
    `Run Command ${commandId} was sent to ${who}, but its end could not be learnt: ${error.message}`,
    {
      exitCode: error.exitCode,
      cause: error,
      ...(error.next === undefined ? {} : { next: error.next }),
    },
  );
}
