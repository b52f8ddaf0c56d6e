import { setTimeout as delay } from 'node:timers/promises';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import type { CommandOptions } from './command-session.ts';
import type { CommandInvocation, RunCommandApi } from './run-command-api.ts';

/** What GetCommandInvocation shows of a command's output, in characters. */
export const SHOWN_STDOUT = 24_000;
const SHOWN_STDERR = 8_000;
/** The longest that AWS-RunShellScript takes: two days. */
const MAX_EXECUTION_S = 172_800;
const FIRST_POLL_MS = 250;
const MAX_POLL_MS = 3_000;
/** A command that is still unknown so long after it was sent has got lost. */
const UNKNOWN_PATIENCE_MS = 60_000;
/** How long its end may be asked for in vain. */
const TROUBLE_PATIENCE_MS = 60_000;
const CANCEL_PATIENCE_MS = 3_000;

export interface RunCommandOutcome {
  /** Undefined when it was stopped. */
  exitCode: number | undefined;
  /** The service shows the beginning of the output only. */
  isTruncated: boolean;
}

/**
 * Runs a line in a shell on a node by Run Command: as root, with its output at the end.
 *
 * @throws DevaccessError when it could not be sent, not be delivered, or did not come to its own end
 */
export async function runByRunCommand(
  options: CommandOptions & { api: RunCommandApi; onSent: () => void },
): Promise<RunCommandOutcome> {
  const { api, target, line, sink, stop } = options;
  if (stop.aborted) return { exitCode: undefined, isTruncated: false };
  const commandId = await api.send(target, line, MAX_EXECUTION_S);
  options.log.event('sent', { commandId, target });
  options.onSent();
  const invocation = await finished(api, commandId, target, stop);
  if (invocation === undefined) {
    const ending = api.cancel(commandId, target).catch(() => undefined);
    await Promise.race([ending, delay(CANCEL_PATIENCE_MS, undefined, { ref: false })]);
    return { exitCode: undefined, isTruncated: false };
  }
  const { status, responseCode, stdout, stderr } = invocation;
  sink.write('stdout', Buffer.from(stdout));
  sink.write('stderr', Buffer.from(withoutRemark(stderr, responseCode)));
  const isTruncated = stdout.length >= SHOWN_STDOUT || stderr.length >= SHOWN_STDERR;
  if ((status === 'Success' || status === 'Failed') && responseCode >= 0) {
    return { exitCode: responseCode, isTruncated };
  }
  throw unfinished(target, commandId, invocation);
}

/** Waits for the end, through trouble of the network too; undefined when asked to stop. */
async function finished(
  api: RunCommandApi,
  commandId: string,
  target: string,
  stop: AbortSignal,
): Promise<CommandInvocation | undefined> {
  const sentAtMs = performance.now();
  let heardAtMs = sentAtMs;
  for (let waitMs = FIRST_POLL_MS; !stop.aborted; waitMs = Math.min(MAX_POLL_MS, waitMs * 1.5)) {
    try {
      await delay(waitMs, undefined, { signal: stop });
    } catch {
      break;
    }
    let invocation: CommandInvocation;
    try {
      invocation = await api.invocation(commandId, target);
      heardAtMs = performance.now();
    } catch (error) {
      if (performance.now() - heardAtMs < TROUBLE_PATIENCE_MS && !isForPerson(error)) continue;
      throw unknownEnd(target, commandId, error);
    }
    switch (invocation.status) {
      case 'Pending':
      case 'InProgress':
      case 'Delayed':
      case 'Cancelling':
        continue;
      case undefined:
        if (performance.now() - sentAtMs < UNKNOWN_PATIENCE_MS) continue;
        return { ...invocation, statusDetails: 'unknown to the service' };
      default:
        return invocation;
    }
  }
  return undefined;
}

/** The agent's own remark behind what a failed script said, which its exit code tells. */
function withoutRemark(stderr: string, responseCode: number): string {
  const remark = `failed to run commands: exit status ${responseCode}`;
  return stderr.endsWith(remark) ? stderr.slice(0, -remark.length) : stderr;
}

function isForPerson(error: unknown): boolean {
  return error instanceof DevaccessError && error.exitCode === EXIT.needsPerson;
}

function unknownEnd(target: string, commandId: string, error: unknown): unknown {
  if (!(error instanceof DevaccessError)) return error;
  return new DevaccessError(
    error.code,
    `Run Command ${commandId} was sent to ${target}, but its end could not be learnt: ${error.message}`,
    {
      exitCode: error.exitCode,
      cause: error,
      ...(error.next === undefined ? {} : { next: error.next }),
    },
  );
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
