import { errorLine, printable } from '../../platform/errors.ts';
import type { DevaccessError } from '../../platform/errors.ts';
import { CapturedOutput, PlainOutput, PrefixedOutput } from './output-sink.ts';
import type { OutputSink, OutputStreams } from './output-sink.ts';
import type { HostResult, RunHost } from './run-on-hosts.ts';

/** Kept of each stream of each host for --json. */
const CAPTURED_BYTES = 1024 * 1024;
const MAX_NAME_WIDTH = 24;

/** What people see while a command runs on their hosts, and when it is done. */
export class HostOutput {
  readonly #streams: OutputStreams;
  readonly #hosts: readonly RunHost[];
  readonly #prefixed = new Map<RunHost, PrefixedOutput>();
  readonly #width: number;
  readonly #gone = new AbortController();
  readonly #said = new Set<string>();

  constructor(streams: OutputStreams, hosts: readonly RunHost[]) {
    this.#streams = streams;
    this.#hosts = hosts;
    const longest = Math.max(...hosts.map((host) => this.#labelOf(host).length));
    this.#width = Math.min(MAX_NAME_WIDTH, longest);
    for (const stream of [streams.stdout, streams.stderr]) {
      stream.setMaxListeners(0);
      stream.on('error', () => this.#gone.abort());
    }
  }

  /** Aborted when nobody reads the output any more, as `head` does. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** One host's output is shown as it is, that of many behind their names. */
  sinkOf(host: RunHost): OutputSink {
    if (this.#hosts.length === 1) return new PlainOutput(this.#streams);
    const prefixed = new PrefixedOutput(this.#streams, this.#prefixOf(host));
    this.#prefixed.set(host, prefixed);
    return prefixed;
  }

  /** Says something about a host, but not again what was said about another. */
  say(host: RunHost, line: string): void {
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.#tell(host, line);
  }

  #tell(host: RunHost, line: string): void {
    const prefix = this.#hosts.length === 1 ? 'devaccess: ' : this.#prefixOf(host);
    this.#streams.stderr.write(Buffer.from(`${prefix}${printable(line)}\n`));
  }

  onResult(host: RunHost, result: HostResult, failure: DevaccessError | undefined): void {
    this.#prefixed.get(host)?.end();
    if (failure !== undefined) this.#tell(host, errorLine(failure));
    if (result.truncated) this.#tell(host, 'there was more output than Run Command shows.');
  }

  #prefixOf(host: RunHost): string {
    return `${this.#labelOf(host).padEnd(this.#width)} | `;
  }

  /** The name, or the id where several have the name. */
  #labelOf({ name, instanceId }: RunHost): string {
    const namesakes = this.#hosts.filter((host) => host.name === name);
    return namesakes.length > 1 ? instanceId : printable(name);
  }
}

/** What `--json` shows of a host. */
export interface CapturedResult extends HostResult {
  stdout: string;
  stderr: string;
}

/** Keeps the output for `--json`, within bounds. */
export class CapturedOutputs {
  readonly #outputs = new Map<string, CapturedOutput>();

  sinkOf({ instanceId }: RunHost): OutputSink {
    const output = new CapturedOutput(CAPTURED_BYTES);
    this.#outputs.set(instanceId, output);
    return output;
  }

  complete(result: HostResult): CapturedResult {
    const output = this.#outputs.get(result.instanceId);
    return {
      ...result,
      truncated: result.truncated || output?.isTruncated === true,
      stdout: output?.text('stdout') ?? '',
      stderr: output?.text('stderr') ?? '',
    };
  }
}

/** The line at the end, for many hosts. */
export function summary(results: readonly HostResult[]): string {
  const failed = results.filter(({ status }) => status !== 'succeeded');
  const succeeded = results.length - failed.length;
  const asRoot = results.filter(({ via }) => via === 'run-command').length;
  const how = asRoot === 0 ? '' : ` (${asRoot} by Run Command, as root)`;
  const count = `${succeeded} of ${results.length} succeeded${how}`;
  if (failed.length === 0) return count;
  const who = failed.map(({ host, status, exitCode }) => {
    return `${printable(host)} (${exitCode === null ? status : `exit ${exitCode}`})`;
  });
  return `${count}, ${failed.length} not: ${who.join(', ')}`;
}
