import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { PAYLOAD_TYPE } from '../../session/protocol/message/constants.ts';
import { killTree } from '../process/process-tree.ts';
import { nodeEnvironment } from './agent-node.ts';
import type { AgentNode } from './agent-node.ts';
import { commandWords } from './command-words.ts';
import { PacedOutput } from './paced-output.ts';
import type { RunningSession, SessionChannel } from './session-type.ts';
import { commandNotStarted } from './start-failure.ts';
import { TextFilter } from './text-filter.ts';

export interface CommandSessionOptions {
  commandLine: string;
  /**
   * Output and StdErr as they come, each piece after an end of line with its prefix, then ExitCode.
   * Undefined: both together as Output when the command is done, and no ExitCode.
   */
  prefixes: { stdout: string; stderr: string } | undefined;
  node: AgentNode;
  pace: 'real' | 'off';
}

/** Bytes of input that are signals to the command. */
const SIGNAL_BYTES: ReadonlyMap<number, NodeJS.Signals> = new Map([
  [0x03, 'SIGINT'],
  [0x1c, 'SIGQUIT'],
]);
/** The real agent's exit code of a command that a signal ended, and of one that did not start. */
const EXIT_OF_SIGNAL = -1;
const EXIT_NOT_STARTED = 1;
const LINE_FEED = 0x0a;
const UNPARSED_REPORT_AFTER_MS = 3_000;
const NOT_STARTED_REPORT_AFTER_MS = 1_000;

/**
 * NonInteractiveCommands: one program without a shell, a terminal or input (docs/protocol.md §6). Its
 * streams are not paced, unlike those of a terminal.
 */
export class CommandSession implements RunningSession {
  readonly #channel: SessionChannel;
  readonly #options: CommandSessionOptions;
  #outputs: PacedOutput[] = [];
  #child: ChildProcess | undefined;
  #report: NodeJS.Timeout | undefined;
  #hasExited = false;
  #isClosed = false;

  constructor(channel: SessionChannel, options: CommandSessionOptions) {
    this.#channel = channel;
    this.#options = options;
    const parsed = commandWords(options.commandLine);
    if (!parsed.ok) this.#refuse(`Failed to parse commands input: ${parsed.reason}\n`);
    else if (parsed.words.length === 0) channel.die();
    else if (options.prefixes === undefined) this.#runCombined(parsed.words);
    else this.#runSeparately(parsed.words, options.prefixes);
  }

  receive(payloadType: number, payload: Buffer): boolean {
    if (payloadType !== PAYLOAD_TYPE.output) return true;
    const byte = payload.find((value) => SIGNAL_BYTES.has(value));
    // As the real agent: the program alone, nothing that it started.
    if (byte !== undefined) this.#child?.kill(SIGNAL_BYTES.get(byte));
    return true;
  }

  resume(): void {
    for (const output of this.#outputs) output.pump();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#report);
    for (const output of this.#outputs) output.close();
    const child = this.#child;
    if (child?.pid === undefined || this.#hasExited) return;
    // The real agent leaves behind what the command started; the sandbox is a guest here.
    killTree(child.pid);
    for (const stream of child.stdio) stream?.destroy();
  }

  #runSeparately(words: readonly string[], prefixes: { stdout: string; stderr: string }): void {
    const child = this.#spawn(words, ['ignore', 'pipe', 'pipe']);
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) return;
    const outputs = [
      this.#pump(stdout, PAYLOAD_TYPE.output, prefixes.stdout),
      this.#pump(stderr, PAYLOAD_TYPE.stdErr, prefixes.stderr),
    ];
    child.on('error', (error) => {
      this.#sendExitCode(EXIT_NOT_STARTED);
      this.#reportNotStarted(words, error);
    });
    child.on('close', (code, signal) => {
      if (this.#hasExited) return;
      this.#hasExited = true;
      void Promise.all(outputs).then(() => {
        if (this.#isClosed) return;
        this.#sendExitCode(signal === null ? (code ?? 0) : EXIT_OF_SIGNAL);
        this.#channel.finish();
      });
    });
  }

  #runCombined(words: readonly string[]): void {
    const folder = mkdtempSync(join(tmpdir(), 'devaccess-command-'));
    const path = join(folder, 'output');
    const file = openSync(path, 'wx', 0o600);
    const child = this.#spawn(words, ['ignore', file, file]);
    closeSync(file);
    child.on('error', (error) => this.#reportNotStarted(words, error));
    child.on('close', () => {
      if (this.#hasExited || this.#isClosed) {
        rmSync(folder, { recursive: true, force: true });
        return;
      }
      this.#hasExited = true;
      const source = createReadStream(path);
      source.on('close', () => rmSync(folder, { recursive: true, force: true }));
      void this.#pump(source, PAYLOAD_TYPE.output, '').then(() => {
        if (!this.#isClosed) this.#channel.finish();
      });
    });
  }

  #spawn([file = '', ...args]: readonly string[], stdio: StdioOptions): ChildProcess {
    const { node } = this.#options;
    const env = nodeEnvironment(node);
    const child = spawn(file, args, { cwd: node.homeDirectory, env, stdio, detached: true });
    this.#child = child;
    return child;
  }

  /** Sends a stream to its end. */
  #pump(source: Readable, payloadType: number, prefix: string): Promise<void> {
    const filter = new TextFilter();
    let isLineOpen = false;
    const form = {
      payloadType,
      filter: (bytes: Buffer): Buffer => {
        const opening = isLineOpen ? '' : prefix;
        isLineOpen = bytes.at(-1) !== LINE_FEED;
        return filter.take(Buffer.concat([Buffer.from(opening), bytes]));
      },
    };
    return new Promise((resolve) => {
      let hasEnded = false;
      const output = new PacedOutput(
        this.#channel,
        'off',
        () => {
          source.resume();
          if (hasEnded) resolve();
        },
        form,
      );
      this.#outputs.push(output);
      source.on('data', (chunk: Buffer) => {
        output.push(chunk);
        if (output.queuedBytes > 0) source.pause();
      });
      source.on('close', () => {
        hasEnded = true;
        if (output.queuedBytes === 0) resolve();
      });
      source.on('error', () => undefined);
    });
  }

  #sendExitCode(code: number): void {
    this.#channel.send(PAYLOAD_TYPE.exitCode, Buffer.from(`EXIT_CODE: ${code}`));
  }

  #reportNotStarted([file = '']: readonly string[], error: NodeJS.ErrnoException): void {
    this.#hasExited = true;
    const what =
      error.code === 'ENOENT'
        ? `exec: "${file}": executable file not found in $PATH`
        : `fork/exec ${file}: ${error.message}`;
    this.#after(NOT_STARTED_REPORT_AFTER_MS, () => {
      this.#channel.send(PAYLOAD_TYPE.stdErr, Buffer.from(what));
      this.#channel.finish();
    });
  }

  #refuse(reason: string): void {
    this.#after(UNPARSED_REPORT_AFTER_MS, () => {
      this.#channel.send(PAYLOAD_TYPE.stdErr, Buffer.from(`Unable to start command: ${reason}\n`));
      this.#channel.terminate(commandNotStarted(reason));
    });
  }

  #after(delayMs: number, action: () => void): void {
    this.#report = setTimeout(action, this.#options.pace === 'real' ? delayMs : 0);
  }
}
