import { randomUUID } from 'node:crypto';
import type { RunningScript, ScriptRequest, ScriptResult } from './shell-script.ts';

/** A command as SendCommand was asked for it. */
export interface CommandRequest {
  region: string;
  documentName: string;
  /** As given. */
  documentVersion: string;
  parameters: Readonly<Record<string, readonly string[]>>;
  comment: string;
  instanceIds: readonly string[];
  targets: readonly { Key: string; Values: readonly string[] }[];
  /** The nodes that both stand for. */
  nodes: readonly string[];
  /** Seconds in which it has to be delivered. */
  timeoutS: number;
  /** As given: a number, or a percentage of the nodes. */
  maxConcurrency: string;
  maxErrors: string;
  script: ScriptRequest;
}

export type InvocationStatus =
  'Pending' | 'InProgress' | 'Success' | 'Failed' | 'TimedOut' | 'Cancelling' | 'Cancelled';

/** A command on one node. */
export interface Invocation {
  readonly instanceId: string;
  status: InvocationStatus;
  statusDetails: string;
  startedAtMs?: number;
  endedAtMs?: number;
  result?: ScriptResult;
}

export interface Command extends CommandRequest {
  readonly commandId: string;
  readonly requestedAtMs: number;
  readonly invocations: readonly Invocation[];
  isCancelled: boolean;
}

export interface CommandRegistryOptions {
  now: () => number;
  /** Starts a script on a node; undefined when its agent does not answer. */
  start: (instanceId: string, script: ScriptRequest) => RunningScript | undefined;
  /** How long GetCommandInvocation does not know of what was just sent. Default 200 ms. */
  propagationMs?: number;
}

const DEFAULT_PROPAGATION_MS = 200;
/** Commands that are remembered; older ones are forgotten. */
const HISTORY_LIMIT = 5_000;
const FINAL: ReadonlySet<InvocationStatus> = new Set([
  'Success',
  'Failed',
  'TimedOut',
  'Cancelled',
]);

/** Run Command: what was sent, and what became of it on each node. */
export class CommandRegistry {
  readonly #options: CommandRegistryOptions;
  readonly #commands = new Map<string, Command>();
  readonly #running = new Map<Invocation, RunningScript>();
  readonly #deliveries = new Map<Invocation, NodeJS.Timeout>();
  #isClosed = false;

  constructor(options: CommandRegistryOptions) {
    this.#options = options;
  }

  send(request: CommandRequest): Command {
    const command: Command = {
      ...request,
      commandId: randomUUID(),
      requestedAtMs: this.#options.now(),
      invocations: request.nodes.map((instanceId) => ({
        instanceId,
        status: 'Pending',
        statusDetails: 'Pending',
      })),
      isCancelled: false,
    };
    this.#commands.set(command.commandId, command);
    this.#forgetOldest();
    // It is pending first, as whoever sent it is told.
    setImmediate(() => this.#schedule(command));
    return command;
  }

  get(commandId: string, region: string): Command | undefined {
    const command = this.#commands.get(commandId);
    return command?.region === region ? command : undefined;
  }

  /** Newest first. */
  list(region: string): Command[] {
    return [...this.#commands.values()].filter((each) => each.region === region).reverse();
  }

  /** Whether the service tells of the invocations already. */
  isKnown({ requestedAtMs }: Command): boolean {
    const { now, propagationMs = DEFAULT_PROPAGATION_MS } = this.#options;
    return now() - requestedAtMs >= propagationMs;
  }

  /** @param instanceIds none: all of its nodes */
  cancel(command: Command, instanceIds: readonly string[]): void {
    if (instanceIds.length === 0) command.isCancelled = true;
    for (const invocation of command.invocations) {
      if (instanceIds.length > 0 && !instanceIds.includes(invocation.instanceId)) continue;
      const running = this.#running.get(invocation);
      if (invocation.status === 'Pending') this.#end(command, invocation, 'Cancelled', 'Cancelled');
      else if (running !== undefined) {
        invocation.status = 'Cancelling';
        invocation.statusDetails = 'Cancelling';
        running.cancel();
      }
    }
  }

  /** Stops everything. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#deliveries.values()) clearTimeout(timer);
    for (const running of this.#running.values()) running.cancel();
  }

  /** Starts as many as may run at once, and none any more after too many errors. */
  #schedule(command: Command): void {
    if (this.#isClosed) return;
    const { invocations } = command;
    const atOnce = Math.max(1, share(command.maxConcurrency, invocations.length));
    const failed = invocations.filter(
      ({ status, statusDetails }) => status === 'Failed' || statusDetails === 'ExecutionTimedOut',
    );
    const pending = invocations.filter(
      (invocation) => invocation.status === 'Pending' && !this.#deliveries.has(invocation),
    );
    if (failed.length > share(command.maxErrors, invocations.length)) {
      for (const invocation of pending) this.#end(command, invocation, 'Cancelled', 'Terminated');
      return;
    }
    for (const invocation of pending.slice(0, Math.max(0, atOnce - this.#busy(command)))) {
      this.#deliver(command, invocation);
    }
  }

  #busy({ invocations }: Command): number {
    return invocations.filter(
      (invocation) => this.#running.has(invocation) || this.#deliveries.has(invocation),
    ).length;
  }

  #deliver(command: Command, invocation: Invocation): void {
    const running = this.#options.start(invocation.instanceId, command.script);
    if (running === undefined) {
      const timer = setTimeout(() => {
        this.#end(command, invocation, 'TimedOut', 'DeliveryTimedOut');
      }, command.timeoutS * 1000);
      timer.unref();
      this.#deliveries.set(invocation, timer);
      return;
    }
    this.#running.set(invocation, running);
    invocation.status = 'InProgress';
    invocation.statusDetails = 'InProgress';
    invocation.startedAtMs = this.#options.now();
    void running.finished.then((result) => {
      invocation.result = result;
      const details = result.status === 'TimedOut' ? 'ExecutionTimedOut' : result.status;
      this.#end(command, invocation, result.status, details);
    });
  }

  #end(
    command: Command,
    invocation: Invocation,
    status: InvocationStatus,
    statusDetails: string,
  ): void {
    if (FINAL.has(invocation.status)) return;
    clearTimeout(this.#deliveries.get(invocation));
    this.#deliveries.delete(invocation);
    this.#running.delete(invocation);
    invocation.status = status;
    invocation.statusDetails = statusDetails;
    invocation.endedAtMs = this.#options.now();
    this.#schedule(command);
  }

  #forgetOldest(): void {
    for (const [commandId, { invocations }] of this.#commands) {
      if (this.#commands.size <= HISTORY_LIMIT) return;
      if (invocations.every(({ status }) => FINAL.has(status))) this.#commands.delete(commandId);
    }
  }
}

/** The status of the whole, as ListCommands tells it. */
export function overallStatus({ invocations, isCancelled }: Command): {
  status: Exclude<InvocationStatus, 'Delayed'>;
  statusDetails: string;
} {
  const statuses = new Set(invocations.map(({ status }) => status));
  const plain = (status: InvocationStatus) => ({ status, statusDetails: status });
  if (invocations.length === 0) return { status: 'Success', statusDetails: 'NoInstancesInTag' };
  if ([...statuses].some((status) => !FINAL.has(status))) {
    if (isCancelled) return plain('Cancelling');
    return plain(statuses.size === 1 && statuses.has('Pending') ? 'Pending' : 'InProgress');
  }
  if (isCancelled || (statuses.size === 1 && statuses.has('Cancelled'))) return plain('Cancelled');
  if (statuses.has('Failed')) return plain('Failed');
  if (statuses.has('TimedOut')) {
    const isExecution = invocations.some(
      ({ statusDetails }) => statusDetails === 'ExecutionTimedOut',
    );
    return {
      status: 'TimedOut',
      statusDetails: isExecution ? 'ExecutionTimedOut' : 'DeliveryTimedOut',
    };
  }
  return plain(statuses.has('Cancelled') ? 'Failed' : 'Success');
}

/** A number, or a percentage of so many. */
function share(text: string, of: number): number {
  return text.endsWith('%') ? Math.floor((of * Number(text.slice(0, -1))) / 100) : Number(text);
}
