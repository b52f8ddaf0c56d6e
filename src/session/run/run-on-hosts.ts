import { DevaccessError, EXIT } from '../../platform/errors.ts';
import type { ErrorCode } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import type { OutputSink } from './output-sink.ts';
import { runOnHost } from './run-on-host.ts';
import type { RunApis, Via } from './run-on-host.ts';

/** A host that a command is run on. */
export interface RunHost {
  name: string;
  instanceId: string;
  /** Undefined leaves it to the environment. */
  profile: string | undefined;
  region: string | undefined;
  /** Why it is not even tried. */
  refusal?: DevaccessError;
}

export interface HostResult {
  host: string;
  instanceId: string;
  status: 'succeeded' | 'failed' | 'error' | 'timed-out' | 'cancelled';
  /** Of the command; null where there is none. -1: a signal ended it. */
  exitCode: number | null;
  via: 'session' | 'run-command' | null;
  seconds: number;
  /** The service did not show all of the output. */
  truncated: boolean;
  error: { code: ErrorCode; message: string; next: string | null } | null;
}

export interface RunOnHostsOptions {
  hosts: readonly RunHost[];
  apisOf: (host: RunHost) => Promise<RunApis>;
  line: string;
  via: Via;
  /** Hosts at a time. */
  concurrency: number;
  /** For each host, from its turn on. */
  timeoutMs: number | undefined;
  sinkOf: (host: RunHost) => OutputSink;
  /** A host is done, or has failed. */
  onResult: (host: RunHost, result: HostResult, failure: DevaccessError | undefined) => void;
  say: (host: RunHost, line: string) => void;
  log: Log;
  /** Aborted to interrupt every command and give the rest up. */
  stop: AbortSignal;
}

export interface RunReport {
  /** In the order of the hosts. */
  hosts: HostResult[];
  succeeded: number;
  failed: number;
  /** What the process exits with: the command's own code for one host, 4 where only some failed. */
  exitCode: number;
}

/** Runs a line in a shell on many nodes, some at a time. A host's failure is its result. */
export async function runOnHosts(options: RunOnHostsOptions): Promise<RunReport> {
  const { hosts, concurrency } = options;
  const outcomes: Outcome[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next; index < hosts.length; index = next) {
      next += 1;
      const host = hosts[index];
      if (host !== undefined) outcomes[index] = await runWithin(host, options);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, hosts.length) }, work));
  const results = outcomes.map(({ result }) => result);
  const failed = results.filter(({ status }) => status !== 'succeeded').length;
  const succeeded = results.length - failed;
  return { hosts: results, succeeded, failed, exitCode: exitCodeOf(outcomes, failed) };
}

interface Outcome {
  result: HostResult;
  failure: DevaccessError | undefined;
}

function exitCodeOf(outcomes: readonly Outcome[], failed: number): number {
  const [first] = outcomes;
  if (first === undefined || failed === 0) return EXIT.done;
  if (outcomes.length === 1) return first.failure?.exitCode ?? ownExitCode(first.result);
  if (failed < outcomes.length) return EXIT.partial;
  // Such as expired credentials, which concern all alike.
  const codes = new Set(outcomes.map(({ failure }) => failure?.exitCode ?? EXIT.failed));
  return codes.size === 1 ? (first.failure?.exitCode ?? EXIT.failed) : EXIT.failed;
}

/** As a local shell would show it; -1 stands for a signal. */
function ownExitCode({ exitCode }: HostResult): number {
  if (exitCode === null) return EXIT.failed;
  return exitCode >= 0 && exitCode <= 255 ? exitCode : 255;
}

async function runWithin(host: RunHost, options: RunOnHostsOptions): Promise<Outcome> {
  const { stop, timeoutMs } = options;
  const startedAtMs = performance.now();
  const timeUp = new AbortController();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => timeUp.abort(), timeoutMs);
  let attempted: Attempt = { status: 'error', exitCode: null, via: null, truncated: false };
  let failure: DevaccessError | undefined;
  try {
    attempted = await attempt(host, options, AbortSignal.any([stop, timeUp.signal]));
    if (attempted.status === 'cancelled' && timeUp.signal.aborted && !stop.aborted) {
      attempted.status = 'timed-out';
      failure = timedOut(host, timeoutMs ?? 0);
    }
  } catch (error) {
    failure = asDevaccessError(error);
  } finally {
    clearTimeout(timer);
  }
  const { code, message, next = null } = failure ?? {};
  const result: HostResult = {
    host: host.name,
    instanceId: host.instanceId,
    ...attempted,
    seconds: Math.round(performance.now() - startedAtMs) / 1000,
    error: code === undefined || message === undefined ? null : { code, message, next },
  };
  options.onResult(host, result, failure);
  return { result, failure };
}

type Attempt = Pick<HostResult, 'status' | 'exitCode' | 'via' | 'truncated'>;

async function attempt(
  host: RunHost,
  { apisOf, line, via, sinkOf, say, log }: RunOnHostsOptions,
  stop: AbortSignal,
): Promise<Attempt> {
  if (host.refusal !== undefined) throw host.refusal;
  if (stop.aborted) return { status: 'cancelled', exitCode: null, via: null, truncated: false };
  const outcome = await runOnHost({
    apis: await apisOf(host),
    via,
    target: host.instanceId,
    line,
    sink: sinkOf(host),
    say: (text) => say(host, text),
    log,
    stop,
  });
  const { exitCode = null, isTruncated } = outcome;
  const status = exitCode === null ? 'cancelled' : exitCode === 0 ? 'succeeded' : 'failed';
  return { status, exitCode, via: outcome.via, truncated: isTruncated };
}

function timedOut({ name }: RunHost, timeoutMs: number): DevaccessError {
  return new DevaccessError(
    'DA_COMMAND_TIMED_OUT',
    `The command on ${name} was not done within ${timeoutMs / 1000} s and was ended.`,
    { next: 'give it more with --timeout.' },
  );
}

function asDevaccessError(error: unknown): DevaccessError {
  if (error instanceof DevaccessError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new DevaccessError('DA_UNEXPECTED', message, { cause: error });
}
