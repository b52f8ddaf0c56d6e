import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import { TerminalWindow } from '../process/pseudo-terminal.ts';
import type { ProgramStart, TerminalSize } from '../process/pseudo-terminal.ts';

export interface CommandSettings {
  /** HOME and working directory of what runs on the host. */
  homeDirectory: string;
  /** Added to a minimal environment. */
  environment: Readonly<Record<string, string>>;
}

/** Names of the signals a client may send, without SIG (RFC 4254 §6.10). */
const SIGNALS = [
  'ABRT',
  'ALRM',
  'FPE',
  'HUP',
  'INT',
  'KILL',
  'PIPE',
  'QUIT',
  'TERM',
  'USR1',
  'USR2',
];

/** A process started for an SSH channel, with everything it started itself. */
export class ChildCommand {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #window: TerminalWindow;
  #ended = false;

  /**
   * Runs a program joined to `channel`: stdin, stdout and stderr with back-pressure, its exit status or
   * signal at the end. The process group dies with the channel.
   */
  constructor(channel: ServerChannel, program: ProgramStart, settings: CommandSettings) {
    const child = spawn(program.file, program.args, {
      cwd: settings.homeDirectory,
      env: {
        PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
        ...settings.environment,
        HOME: settings.homeDirectory,
      },
      // Its own process group, so that one kill reaches what it started.
      detached: true,
      stdio: program.stdio,
    });
    this.#child = child;
    this.#window = new TerminalWindow(child);
    // A process that closes its stdin early is no fault of the channel's.
    child.stdin.on('error', () => channel.resume());
    channel.on('error', () => undefined);
    channel.pipe(child.stdin);
    const output = new ChannelOutput(channel);
    const written = Promise.all([
      output.pump(child.stdout, channel),
      output.pump(child.stderr, channel.stderr),
    ]);
    child.on('error', () => {
      channel.exit(127);
      channel.end();
    });
    child.on('close', (code, signal) => {
      // What it left in the background goes too, now while the group's number is surely its own.
      this.kill();
      this.#ended = true;
      void written.then(() => {
        if (signal === null) channel.exit(code ?? 0);
        else channel.exit(signal.slice('SIG'.length));
        channel.end();
      });
    });
  }

  /** Passes a client's signal on to the process group; unknown names are ignored. */
  signal(name: string): void {
    if (SIGNALS.includes(name)) this.#kill(`SIG${name}` as NodeJS.Signals);
  }

  /** The client's window has another size. */
  resize(size: TerminalSize): void {
    this.#window.resize(size);
  }

  /** The channel is gone: nothing of the command may stay. */
  kill(): void {
    this.#kill('SIGKILL');
    // Nobody takes the rest of its output any more.
    for (const stream of this.#child.stdio) stream?.destroy();
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#ended) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group has ended already.
    }
  }
}

/** The parts of an ssh2 channel that remember a chunk for which the peer's window had no room. */
interface BlockedChunks {
  _chunk: unknown;
  _chunkcb: unknown;
  _chunkErr: unknown;
  _chunkcbErr: unknown;
}

/**
 * Writes stdout and stderr to one channel, one chunk at a time. ssh2 (1.17) keeps one blocked chunk
 * for each of the two and never forgets it, so with both in use it would send an old chunk again;
 * hence no two writes at once, and the memory is cleared after each.
 */
class ChannelOutput {
  readonly #channel: ServerChannel;
  #last: Promise<void> = Promise.resolve();

  constructor(channel: ServerChannel) {
    this.#channel = channel;
  }

  /** Resolves when `source` has ended and all of it was written. */
  async pump(source: Readable, sink: Writable): Promise<void> {
    try {
      for await (const chunk of source) await this.#write(sink, chunk as Buffer);
    } catch {
      // The source was destroyed with its process; what it said before has been written.
    }
  }

  #write(sink: Writable, chunk: Buffer): Promise<void> {
    const turn = this.#last.then(
      () =>
        new Promise<void>((resolve) => {
          sink.write(chunk, () => resolve());
        }),
    );
    this.#last = turn.then(() => {
      const blocked = this.#channel as unknown as BlockedChunks;
      blocked._chunk = undefined;
      blocked._chunkcb = undefined;
      blocked._chunkErr = undefined;
      blocked._chunkcbErr = undefined;
    });
    return this.#last;
  }
}
