import type { RunCommandApi } from '../../aws/run-command/run-command-api.ts';
import { runScript } from '../../aws/run-command/run-script.ts';
import type { CommandOptions } from './command-session.ts';

/** The longest that AWS-RunShellScript takes: two days. */
const MAX_EXECUTION_S = 172_800;

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
  const outcome = await runScript({
    api,
    target,
    script: {
      document: 'AWS-RunShellScript',
      commands: [line],
      executionTimeoutS: MAX_EXECUTION_S,
    },
    onSent: (commandId) => {
      options.log.event('sent', { commandId, target });
      options.onSent();
    },
    stop,
  });
  if (outcome === undefined) return { exitCode: undefined, isTruncated: false };
  const { exitCode, stdout, stderr, isTruncated, failure } = outcome;
  sink.write('stdout', Buffer.from(stdout));
  sink.write('stderr', Buffer.from(stderr));
  if (failure !== undefined) throw failure;
  return { exitCode, isTruncated };
}
