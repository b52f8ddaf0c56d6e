import type { Writable } from 'node:stream';

export type StreamName = 'stdout' | 'stderr';

/** Takes what a command says. */
export interface OutputSink {
  /** @returns false when it is full: offer no more until `onDrain` */
  write(stream: StreamName, bytes: Buffer): boolean;
  /** Calls the listener each time the sink has room again; the result stops that. */
  onDrain(listener: () => void): () => void;
}

/** Where output ends up, such as `process`. */
export type OutputStreams = Record<StreamName, Writable>;

/** A line is cut where it grows longer than this without an end. */
const MAX_LINE_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;

/** One host's output as it is. */
export class PlainOutput implements OutputSink {
  readonly #streams: OutputStreams;

  constructor(streams: OutputStreams) {
    this.#streams = streams;
  }

  write(stream: StreamName, bytes: Buffer): boolean {
    return this.#streams[stream].write(bytes);
  }

  onDrain(listener: () => void): () => void {
    return drained(this.#streams, listener);
  }
}

/** The output of one of many hosts: whole lines, each behind the host's name. */
export class PrefixedOutput implements OutputSink {
  readonly #streams: OutputStreams;
  readonly #prefix: Buffer;
  readonly #open: Record<StreamName, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };

  constructor(streams: OutputStreams, prefix: string) {
    this.#streams = streams;
    this.#prefix = Buffer.from(prefix);
  }

  write(stream: StreamName, bytes: Buffer): boolean {
    let rest = Buffer.concat([this.#open[stream], bytes]);
    const lines: Buffer[] = [];
    for (;;) {
      const end = rest.indexOf(LINE_FEED);
      if (end >= 0) {
        lines.push(this.#prefix, rest.subarray(0, end + 1));
        rest = rest.subarray(end + 1);
      } else if (rest.length > MAX_LINE_BYTES) {
        lines.push(this.#prefix, rest.subarray(0, MAX_LINE_BYTES), Buffer.of(LINE_FEED));
        rest = rest.subarray(MAX_LINE_BYTES);
      } else break;
    }
    this.#open[stream] = rest;
    // In one piece, so that lines of several hosts do not mix.
    return lines.length === 0 || this.#streams[stream].write(Buffer.concat(lines));
  }

  onDrain(listener: () => void): () => void {
    return drained(this.#streams, listener);
  }

  /** Writes what is left without an end of line. */
  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#open[stream].length > 0) this.write(stream, Buffer.of(LINE_FEED));
    }
  }
}

/** Keeps the beginning of what a command says. */
export class CapturedOutput implements OutputSink {
  readonly #limitBytes: number;
  readonly #parts: Record<StreamName, Buffer[]> = { stdout: [], stderr: [] };
  readonly #length = { stdout: 0, stderr: 0 };
  #isTruncated = false;

  /** @param limitBytes of each stream */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isTruncated(): boolean {
    return this.#isTruncated;
  }

  write(stream: StreamName, bytes: Buffer): boolean {
    const room = this.#limitBytes - this.#length[stream];
    if (bytes.length > room) this.#isTruncated = true;
    const kept = Buffer.from(bytes.subarray(0, room));
    if (kept.length > 0) this.#parts[stream].push(kept);
    this.#length[stream] += kept.length;
    return true;
  }

  onDrain(): () => void {
    return () => undefined;
  }

  text(stream: StreamName): string {
    return Buffer.concat(this.#parts[stream]).toString('utf8');
  }
}

function drained({ stdout, stderr }: OutputStreams, listener: () => void): () => void {
  stdout.on('drain', listener);
  stderr.on('drain', listener);
  return () => {
    stdout.off('drain', listener);
    stderr.off('drain', listener);
  };
}
