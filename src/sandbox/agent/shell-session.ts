import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { PAYLOAD_TYPE } from '../../session/protocol/message/constants.ts';
import { hasPseudoTerminals, terminalProgram, TerminalWindow } from '../process/pseudo-terminal.ts';
import type { TerminalSize } from '../process/pseudo-terminal.ts';
import { killTree } from '../process/process-tree.ts';
import { nodeEnvironment } from './agent-node.ts';
import type { AgentNode } from './agent-node.ts';
import { PacedOutput } from './paced-output.ts';
import type { RunningSession, SessionChannel } from './session-type.ts';
import { commandNotStarted } from './start-failure.ts';
import { TextFilter } from './text-filter.ts';

export interface ShellSessionOptions {
  /** What the shell runs; undefined for an interactive one. */
  command: string | undefined;
  node: AgentNode;
  pace: 'real' | 'off';
}

/** The real agent gives a shell so long before it first reads what it says. */
const FIRST_READ_AFTER_MS = 1_000;
/** The real agent's terminals have no size until the client tells one. */
const NO_SIZE: TerminalSize = { cols: 0, rows: 0 };

/**
 * Standard_Stream and InteractiveCommands: a shell in a terminal. Its exit status stays on the node.
 */
export class ShellSession implements RunningSession {
  readonly #channel: SessionChannel;
  readonly #output: PacedOutput;
  #child: ChildProcessWithoutNullStreams | undefined;
  #window: TerminalWindow | undefined;
  /** Typed after a size that is not applied yet: with the real agent that takes no time. */
  #held: Buffer[] = [];
  /** What was said before the first read. */
  #unread: Buffer[] | undefined = [];
  #firstRead: NodeJS.Timeout | undefined;
  #isFinished = false;
  #hasEnded = false;
  #isClosed = false;

  constructor(channel: SessionChannel, options: ShellSessionOptions) {
    this.#channel = channel;
    const filter = new TextFilter();
    this.#output = new PacedOutput(channel, options.pace, () => this.#drained(), {
      payloadType: PAYLOAD_TYPE.output,
      filter: (bytes) => filter.take(bytes),
    });
    if (hasPseudoTerminals()) this.#start(options);
    else channel.terminate(commandNotStarted('Failed to start pty: script(1) is not there'));
  }

  receive(payloadType: number, payload: Buffer): boolean {
    if (this.#child === undefined) return false;
    if (payloadType === PAYLOAD_TYPE.output) {
      this.#held.push(Buffer.from(payload));
      this.#type();
    } else if (payloadType === PAYLOAD_TYPE.size) {
      const size = parseSize(payload);
      // What cannot be read is never acknowledged, as with the real agent.
      if (size === undefined) return false;
      this.#window?.resize(size);
    }
    return true;
  }

  resume(): void {
    this.#output.pump();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#firstRead);
    this.#output.close();
    const child = this.#child;
    if (child?.pid === undefined || this.#hasEnded) return;
    killTree(child.pid);
    for (const stream of child.stdio) stream?.destroy();
  }

  #start({ command, node, pace }: ShellSessionOptions): void {
    const line = command === undefined ? 'exec sh' : `exec sh -c ${quoted(command)}`;
    const { file, args, stdio } = terminalProgram(line, NO_SIZE);
    const child = spawn(file, args, {
      cwd: node.homeDirectory,
      env: nodeEnvironment(node),
      detached: true,
      stdio,
    });
    this.#child = child;
    this.#window = new TerminalWindow(child, () => this.#type());
    child.stdin.on('error', () => this.#channel.holdClient(false));
    child.stdin.on('drain', () => this.#channel.holdClient(false));
    child.on('error', ({ message }) => this.#channel.terminate(commandNotStarted(message)));
    child.stdout.on('data', (chunk: Buffer) => {
      // Node reads on at the end of a process, paused or not.
      if (this.#unread !== undefined) this.#unread.push(chunk);
      else this.#output.push(chunk);
      if (this.#output.queuedBytes > 0) child.stdout.pause();
    });
    this.#firstRead = setTimeout(() => this.#read(), pace === 'real' ? FIRST_READ_AFTER_MS : 0);
    child.stderr.resume();
    child.on('close', () => {
      this.#hasEnded = true;
      this.#channel.holdClient(false);
      this.#finishWhenRead();
    });
  }

  #read(): void {
    const unread = this.#unread ?? [];
    this.#unread = undefined;
    for (const chunk of unread) this.#output.push(chunk);
    this.#finishWhenRead();
  }

  #finishWhenRead(): void {
    const isRead = this.#unread === undefined && this.#output.queuedBytes === 0;
    if (!this.#hasEnded || !isRead || this.#isFinished || this.#isClosed) return;
    this.#isFinished = true;
    this.#channel.finish();
  }

  #type(): void {
    const stdin = this.#child?.stdin;
    if (this.#window?.isSettled === false || stdin?.writable !== true) return;
    for (const payload of this.#held.splice(0)) {
      if (!stdin.write(payload)) this.#channel.holdClient(true);
    }
  }

  #drained(): void {
    this.#child?.stdout.resume();
    this.#finishWhenRead();
  }
}

function parseSize(payload: Buffer): TerminalSize | undefined {
  try {
    const { cols, rows } = JSON.parse(payload.toString('utf8')) as Record<string, unknown>;
    return typeof cols === 'number' && typeof rows === 'number' ? { cols, rows } : undefined;
  } catch {
    return undefined;
  }
}

/** One word of a shell's command line. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
