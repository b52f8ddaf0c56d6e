import { DevaccessError } from '../../platform/errors.ts';
import {
  brieflyAwait,
  polls,
  REAL_CLOCK,
  TROUBLE_PATIENCE_MS,
  UNKNOWN_PATIENCE_MS,
} from './poll-pace.ts';
import type { PollClock } from './poll-pace.ts';
import { DELIVERY_TIMEOUT_S, MAX_TARGETS } from './run-command-api.ts';
import type { InvocationSummary, RunCommandApi, Script } from './run-command-api.ts';
import { isForPerson, isUnfinished, outcomeOf, unknownEnd } from './script-outcome.ts';
import type { ScriptOutcome } from './script-outcome.ts';
import { SendPermission } from './send-permission.ts';

export interface RunOnNodesOptions {
  api: Pick<RunCommandApi, 'send' | 'invocations' | 'invocation' | 'cancel'>;
  /** Any number of nodes of the document's platform. */
  targets: readonly string[];
  script: Script;
  /** Called for each node as soon as it is known, in any order. Not called for what was stopped. */
  onOutcome: (target: string, outcome: ScriptOutcome) => void;
  /** Aborted to cancel what runs and send nothing more. */
  stop: AbortSignal;
  clock?: PollClock;
}

/** Commands of {@link MAX_TARGETS} nodes each that run at the same time. */
const COMMANDS_AT_ONCE = 4;
/** Asked for whole outputs at the same time, of one command. */
const OUTPUTS_AT_ONCE = 5;
/** Beyond what a command may take by itself, for the service to say that it took too long. */
const VERDICT_PATIENCE_S = 60;
/** What a list shows of both streams; of a longer output, or one in two parts, GetCommandInvocation tells. */
const LISTED_OUTPUT = 2_500;
const LISTED_PARTS = /\n-+(ERROR-+|Output truncated-+|Error truncated-+)/;

/**
 * Runs a script on many nodes by Run Command, as root, up to {@link MAX_TARGETS} a command. Never
 * rejects for a node: that one could not be reached, or may not be used, is its outcome. Resolves when
 * every node is told of, or when it was stopped.
 */
export async function runOnNodes(options: RunOnNodesOptions): Promise<void> {
  const run = new NodesRun(options);
  const batches: string[][] = [];
  const targets = [...new Set(options.targets)];
  for (let at = 0; at < targets.length; at += MAX_TARGETS) {
    batches.push(targets.slice(at, at + MAX_TARGETS));
  }
  const work = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      await run.send(batch);
    }
  };
  await Promise.all(Array.from({ length: Math.min(COMMANDS_AT_ONCE, batches.length) }, work));
}

class NodesRun {
  readonly #options: RunOnNodesOptions;
  readonly #permission = new SendPermission();

  constructor(options: RunOnNodesOptions) {
    this.#options = options;
  }

  /** Sends to some nodes and waits for them. Those that the service will not take are sorted out. */
  async send(targets: readonly string[]): Promise<void> {
    const { api, script, stop } = this.#options;
    if (stop.aborted || targets.length === 0) return;
    let commandId: string;
    try {
      commandId = await api.send(targets, script);
    } catch (error) {
      await this.#divide(targets, error);
      return;
    }
    this.#permission.wasGiven();
    await this.#await(commandId, new Set(targets));
  }

  /** One node that is refused makes the service refuse all that it was named with. */
  async #divide(targets: readonly string[], error: unknown): Promise<void> {
    const refused = this.#permission.refusedOf(targets, error);
    for (const target of refused) this.#fail(target, error);
    const rest = targets.filter((target) => !refused.includes(target));
    if (refused.length > 0) {
      await this.send(rest);
      return;
    }
    const half = Math.ceil(rest.length / 2);
    await Promise.all([this.send(rest.slice(0, half)), this.send(rest.slice(half))]);
  }

  async #await(commandId: string, pending: Set<string>): Promise<void> {
    const { api, script, stop, clock = REAL_CLOCK } = this.#options;
    const sentAtMs = clock.now();
    const longestS = DELIVERY_TIMEOUT_S + script.executionTimeoutS + VERDICT_PATIENCE_S;
    let heardAtMs = sentAtMs;
    for await (const _ of polls(clock, stop)) {
      const now = clock.now();
      let listed: Map<string, InvocationSummary>;
      try {
        listed = await api.invocations(commandId, [...pending]);
        heardAtMs = clock.now();
      } catch (error) {
        if (now - heardAtMs < TROUBLE_PATIENCE_MS && !isForPerson(error)) continue;
        for (const target of pending) this.#fail(target, unknownEnd(target, commandId, error));
        return;
      }
      const ended = [...listed.values()].filter(({ status }) => !isUnfinished(status));
      await this.#tellAll(commandId, ended);
      for (const { instanceId } of ended) pending.delete(instanceId);
      const isLate = now - sentAtMs > longestS * 1000;
      for (const target of pending) {
        const isLost = !listed.has(target) && now - sentAtMs > UNKNOWN_PATIENCE_MS;
        if (!isLost && !isLate) continue;
        pending.delete(target);
        this.#fail(target, lost(target, commandId, listed.get(target)?.statusDetails));
      }
      if (pending.size === 0) return;
    }
    await brieflyAwait(api.cancel(commandId, [...pending]));
  }

  async #tellAll(commandId: string, ended: InvocationSummary[]): Promise<void> {
    const rest = [...ended];
    const work = async (): Promise<void> => {
      for (let each = rest.shift(); each !== undefined; each = rest.shift()) {
        await this.#tell(commandId, each);
      }
    };
    await Promise.all(Array.from({ length: OUTPUTS_AT_ONCE }, work));
  }

  async #tell(commandId: string, summary: InvocationSummary): Promise<void> {
    const { api, onOutcome } = this.#options;
    const { instanceId, output } = summary;
    const isWhole =
      output !== undefined && output.length < LISTED_OUTPUT && !LISTED_PARTS.test(output);
    try {
      const invocation = isWhole
        ? { ...summary, stdout: output, stderr: '' }
        : await api.invocation(commandId, instanceId);
      onOutcome(instanceId, outcomeOf(instanceId, commandId, invocation));
    } catch (error) {
      this.#fail(instanceId, unknownEnd(instanceId, commandId, error));
    }
  }

  /** @throws whatever is no error for a person */
  #fail(target: string, error: unknown): void {
    if (!(error instanceof DevaccessError)) throw error;
    this.#options.onOutcome(target, {
      exitCode: undefined,
      stdout: '',
      stderr: '',
      isTruncated: false,
      failure: error,
    });
  }
}

function lost(target: string, commandId: string, details = 'unknown to the service'): unknown {
  return new DevaccessError(
    'DA_COMMAND_UNFINISHED',
    `Run Command ${commandId} on ${target} did not come to its own end: ${details}.`,
    { next: 'check the agent on the node; the command may have run.' },
  );
}
