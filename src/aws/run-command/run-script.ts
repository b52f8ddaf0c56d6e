import { doneOrStopped } from '../../platform/stop-request.ts';
import {
  brieflyAwait,
  polls,
  REAL_CLOCK,
  TROUBLE_PATIENCE_MS,
  UNKNOWN_PATIENCE_MS,
} from './poll-pace.ts';
import type { CommandInvocation, RunCommandApi, Script } from './run-command-api.ts';
import { isForPerson, isUnfinished, outcomeOf, unknownEnd } from './script-outcome.ts';
import type { ScriptOutcome } from './script-outcome.ts';

/** How long the answer to SendCommand is waited for once a stop was asked for, to cancel the command. */
const STOP_PATIENCE_MS = 3_000;

export interface RunScriptOptions {
  api: RunCommandApi;
  target: string;
  script: Script;
  /** Called when the service has taken the command. */
  onSent?: (commandId: string) => void;
  /** Aborted to cancel the command and give it up. */
  stop: AbortSignal;
}

/**
 * Runs a script on one node by Run Command, as root: all of the output that the service shows, at
 * the end.
 *
 * @returns undefined when it was stopped
 * @throws DevaccessError when it could not be sent, or its end not be learnt
 */
export async function runScript(options: RunScriptOptions): Promise<ScriptOutcome | undefined> {
  const { api, target, script, onSent, stop } = options;
  if (stop.aborted) return undefined;
  const commandId = await doneOrStopped(api.send([target], script), stop, STOP_PATIENCE_MS);
  if (commandId === undefined) return undefined;
  onSent?.(commandId);
  const invocation = await finished(api, commandId, target, stop);
  if (invocation !== undefined) return outcomeOf(target, commandId, invocation);
  await brieflyAwait(api.cancel(commandId, [target]));
  return undefined;
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
  for await (const _ of polls(REAL_CLOCK, stop)) {
    let invocation: CommandInvocation | undefined;
    try {
      invocation = await doneOrStopped(api.invocation(commandId, target), stop, 0);
      if (invocation === undefined) return undefined;
      heardAtMs = performance.now();
    } catch (error) {
      if (performance.now() - heardAtMs < TROUBLE_PATIENCE_MS && !isForPerson(error)) continue;
      throw unknownEnd(target, commandId, error);
    }
    const { status } = invocation;
    if (status === undefined) {
      if (performance.now() - sentAtMs < UNKNOWN_PATIENCE_MS) continue;
      return { ...invocation, statusDetails: 'unknown to the service' };
    }
    if (!isUnfinished(status)) return invocation;
  }
  return undefined;
}
