import type { CommandInvocation } from '@aws-sdk/client-ssm';
import { polls, TROUBLE_PATIENCE_MS } from '../../aws/run-command/poll-pace.ts';
import type { PollClock } from '../../aws/run-command/poll-pace.ts';
import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';
import { doneOrStopped } from '../../platform/stop-request.ts';
import type { NodeApi } from '../node-api.ts';
import { textOrNull } from '../node-api.ts';
import { endOf } from './invocation-status.ts';
import type { RotationStatus } from './invocation-status.ts';
import { scriptStreams } from './script-streams.ts';
import type { ScriptStreams } from './script-streams.ts';

/** How a command ended on one node. */
export interface CommandEnd {
  status: RotationStatus;
  /** What the service says beside it; for people. */
  detail: string;
  /** The beginning of what the script said; untrusted. */
  said: ScriptStreams;
}

export interface AwaitedCommand {
  commandId: string;
  targets: readonly string[];
  /** Seconds for delivery and execution together. */
  longestS: number;
}

const PAGE_SIZE = 50;
/** What the service shows of it. */
const MAX_OUTPUT = 2_500;
/** More than fill the pages of 50 nodes; an endpoint that goes on longer never ends. */
const MAX_PAGES = 20;
/** Beyond what a command may take by itself. */
const VERDICT_PATIENCE_S = 60;
/** For a question that is under way when it is stopped. */
const STOP_PATIENCE_MS = 3_000;

/**
 * Waits for a command to end on each of its nodes. Those that have not within the time that it has are
 * `Lost`; undefined ends are those of a stop.
 *
 * @returns ends by node; nodes are missing where it was stopped
 */
export async function awaitCommand(
  api: NodeApi,
  { commandId, targets, longestS }: AwaitedCommand,
  { clock, stop }: { clock: PollClock; stop: AbortSignal },
): Promise<Map<string, CommandEnd>> {
  const pending = new Map(targets.map((id) => [id, 'the service has told nothing of it']));
  const ends = new Map<string, CommandEnd>();
  const startedAtMs = clock.now();
  let heardAtMs = startedAtMs;
  for await (const _ of polls(clock, stop)) {
    let listed: CommandInvocation[] = [];
    try {
      const listing = listInvocations(api, commandId);
      const all = await doneOrStopped(listing, stop, STOP_PATIENCE_MS);
      if (all === undefined) return ends;
      listed = all;
      heardAtMs = clock.now();
    } catch (error) {
      // The network, or the service, for a while; not what only a person can mend.
      const isForPerson = error instanceof DevaccessError && error.exitCode === EXIT.needsPerson;
      if (isForPerson || clock.now() - heardAtMs > TROUBLE_PATIENCE_MS) {
        const why = error instanceof Error ? error.message : '';
        for (const id of pending.keys()) ends.set(id, lost(`its end could not be learnt: ${why}`));
        return ends;
      }
    }
    for (const invocation of listed) note(invocation, pending, ends);
    if (pending.size === 0) return ends;
    if (clock.now() - startedAtMs > (longestS + VERDICT_PATIENCE_S) * 1000) {
      for (const [id, detail] of pending) ends.set(id, lost(detail));
      return ends;
    }
  }
  return ends;
}

function note(
  invocation: CommandInvocation,
  pending: Map<string, string>,
  ends: Map<string, CommandEnd>,
): void {
  const id = textOrNull(invocation.InstanceId) ?? '';
  if (!pending.has(id)) return;
  const status = textOrNull(invocation.Status) ?? '';
  const detail = printable(textOrNull(invocation.StatusDetails) ?? status).slice(0, 100);
  const end = endOf(status, detail);
  if (end === undefined) {
    pending.set(id, detail);
    return;
  }
  const output = textOrNull(invocation.CommandPlugins?.[0]?.Output) ?? '';
  pending.delete(id);
  ends.set(id, { status: end, detail, said: scriptStreams(output.slice(0, MAX_OUTPUT)) });
}

async function listInvocations(api: NodeApi, commandId: string): Promise<CommandInvocation[]> {
  const { ListCommandInvocationsCommand } = await import('../ssm-commands.ts');
  const found: CommandInvocation[] = [];
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { CommandInvocations, NextToken } = await api.call('ListCommandInvocations', (client) =>
      client.send(
        new ListCommandInvocationsCommand({
          CommandId: commandId,
          Details: true,
          MaxResults: PAGE_SIZE,
          ...(token === undefined ? {} : { NextToken: token }),
        }),
      ),
    );
    found.push(...(Array.isArray(CommandInvocations) ? CommandInvocations : []));
    token = NextToken;
    if (token === undefined || token === '') return found;
  }
  throw api.strange('ListCommandInvocations', `more than ${MAX_PAGES} pages`);
}

function lost(detail: string): CommandEnd {
  return { status: 'Lost', detail: printable(detail), said: scriptStreams('') };
}
