import type { ReadStream, WriteStream } from 'node:tty';
import { DevaccessError, printable } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import type { SessionFacts } from '../protocol/channel/channel-event.ts';
import type { SessionApi, StartedSession } from '../session-api.ts';
import { gatewayUnreachable } from '../transport/session-failure.ts';
import { SessionConnection } from '../transport/session-connection.ts';
import type { SessionEnd } from '../transport/session-connection.ts';
import { EndOfInput } from './end-of-input.ts';
import { EscapeFilter, ESCAPE_HELP } from './escape-filter.ts';
import type { EscapeRequest } from './escape-filter.ts';
import { LocalTerminal } from './local-terminal.ts';

/** Interruptions shorter than this are not worth a line on the person's screen. */
const QUIET_INTERRUPTION_MS = 1_000;
/** Once a signal asked to stop. */
const STOP_GRACE_MS = 1_000;

export interface ShellOptions {
  api: SessionApi;
  session: StartedSession;
  target: string;
  /** What the person calls the host. */
  name: string;
  stdin: ReadStream;
  stdout: WriteStream;
  stderr: WriteStream;
  log: Log;
  /** Asks the person for a code, on the terminal, when the credentials have expired. */
  renewCredentials: () => Promise<boolean>;
  /** Aborted when a signal asks to stop. */
  stop: AbortSignal;
}

/** How a shell came to its end. */
export interface ShellEnd {
  /** Of the program, from session types that tell it (NonInteractiveCommands alone). */
  exitCode: number | undefined;
  /** The person left, or a signal asked to. */
  isLeft: boolean;
}

/**
 * One session between the person's terminal, or what stands for it, and a shell or program on the
 * node. The terminal is as it was when {@link run} is done, however it ends, and the session is over.
 */
export class ShellSession {
  readonly #options: ShellOptions;
  readonly #connection: SessionConnection;
  readonly #terminal: LocalTerminal | undefined;
  readonly #escapes = new EscapeFilter();
  readonly #endOfInput: EndOfInput;
  readonly #ended: Promise<SessionEnd>;
  #resolveEnd: (end: SessionEnd) => void = () => undefined;
  #isReading = false;
  /** The terminal is somebody else's for a moment. */
  #isLent = false;
  #isInputEnded = false;
  #isOutputGone = false;
  #isLeaving = false;
  /** Typed between a silence taken for readiness and a handshake that came after all. */
  #early: Buffer[] = [];
  #exitCode: number | undefined;
  #noticeTimer: NodeJS.Timeout | undefined;
  #hasSaidInterrupted = false;

  /** @throws DevaccessError DA_STREAM_URL */
  constructor(options: ShellOptions) {
    this.#options = options;
    const { stdin, stdout } = options;
    if (stdin.isTTY) this.#terminal = new LocalTerminal(stdin, stdout);
    this.#ended = new Promise((resolve) => {
      this.#resolveEnd = resolve;
    });
    this.#connection = new SessionConnection({
      api: options.api,
      sessionId: options.session.sessionId,
      target: options.target,
      ticket: options.session,
      log: options.log,
      isHandshakeOptional: true,
      renewCredentials: () => this.#renewCredentials(),
      handlers: {
        onReady: (facts, customerMessage) => this.#onReady(facts, customerMessage),
        onOutput: (payload) => this.#show(options.stdout, payload),
        onStdErr: (payload) => this.#show(options.stderr, payload),
        onExitCode: (code) => {
          this.#exitCode = code;
        },
        onConnectToPortError: () => undefined,
        onWantsInput: () => this.#readInput(),
        onInterruption: (isInterrupted, why) => this.#onInterruption(isInterrupted, why),
        onEnd: (end) => this.#resolveEnd(end),
      },
    });
    this.#endOfInput = new EndOfInput((byte) => {
      if (!this.#connection.wantsInput || !this.#connection.isDrained) return false;
      this.#connection.sendInput(byte);
      return true;
    });
  }

  /** @throws DevaccessError when the session could not be opened or ended in an error */
  async run(): Promise<ShellEnd> {
    const { stdin, stdout, stop } = this.#options;
    const resized = (): void => this.#sendSize();
    const continued = (): void => this.#afterSuspension();
    const leave = (): void => this.#leave();
    const outputGone = (): void => {
      this.#isOutputGone = true;
      this.#leave();
    };
    stop.addEventListener('abort', leave);
    stdout.on('resize', resized);
    stdout.on('error', outputGone);
    stdout.on('drain', () => this.#connection.setSinkFull(false));
    process.on('SIGCONT', continued);
    try {
      if (stop.aborted) this.#leave();
      else await this.#open();
      const end = await this.#ended;
      await this.#connection.settled();
      await this.#flush();
      this.#judge(end);
      return { exitCode: this.#exitCode, isLeft: this.#isLeaving };
    } finally {
      clearTimeout(this.#noticeTimer);
      this.#endOfInput.stop();
      this.#terminal?.restore();
      process.removeListener('SIGCONT', continued);
      stop.removeEventListener('abort', leave);
      stdout.removeListener('resize', resized);
      stdin.destroy();
    }
  }

  async #open(): Promise<void> {
    try {
      await this.#connection.open();
      // A shell without a handshake takes it before it says its first word.
      this.#sendSize();
    } catch (error) {
      this.#connection.abort(gatewayUnreachable(error));
    }
  }

  #onReady(facts: SessionFacts, customerMessage: string): void {
    if (facts.sessionType === 'Port') {
      this.#connection.abort(
        new DevaccessError('DA_DOCUMENT', 'This document forwards a port; it has no shell.', {
          next: 'use devaccess forward for ports.',
        }),
      );
      return;
    }
    if (customerMessage !== '') this.#say(printable(customerMessage));
    this.#sendSize();
    if (this.#isReading) return;
    this.#isReading = true;
    this.#terminal?.makeRaw();
    const { stdin } = this.#options;
    stdin.on('data', (chunk: Buffer) => this.#onInput(chunk));
    stdin.on('error', () => this.#inputEnded());
    stdin.on('end', () => this.#inputEnded());
    stdin.on('close', () => this.#inputEnded());
  }

  #onInput(chunk: Buffer): void {
    if (this.#terminal === undefined) {
      this.#endOfInput.typed(chunk);
      this.#send(chunk);
    } else {
      for (const part of this.#escapes.take(chunk)) {
        if (Buffer.isBuffer(part)) this.#send(part);
        else this.#obey(part);
      }
    }
    if (!this.#connection.wantsInput) this.#options.stdin.pause();
  }

  #send(bytes: Buffer): void {
    if (this.#connection.isReady) this.#connection.sendInput(bytes);
    else this.#early.push(bytes);
  }

  #obey(request: EscapeRequest): void {
    switch (request) {
      case 'leave':
        this.#leave();
        return;
      case 'help':
        this.#options.stderr.write(`\r\n${ESCAPE_HELP.join('\r\n')}\r\n`);
        return;
      case 'suspend':
        this.#terminal?.restore();
        process.kill(process.pid, 'SIGTSTP');
        return;
      default:
        request satisfies never;
    }
  }

  /** Whoever had the terminal meanwhile may have changed its mode. */
  #afterSuspension(): void {
    if (!this.#isReading || this.#isLent || this.#isLeaving) return;
    this.#terminal?.restore();
    this.#terminal?.makeRaw();
    // It was told to others that the window had another size meanwhile.
    process.kill(process.pid, 'SIGWINCH');
  }

  /** Lends the terminal to the question for a code, and takes it back. */
  async #renewCredentials(): Promise<boolean> {
    const { stdin, renewCredentials } = this.#options;
    this.#say('the credentials have expired, and the session waits for new ones.');
    stdin.pause();
    this.#isLent = true;
    this.#terminal?.restore();
    try {
      return await renewCredentials();
    } finally {
      this.#isLent = false;
      if (this.#isReading && !this.#isLeaving) {
        this.#terminal?.makeRaw();
        this.#readInput();
      }
    }
  }

  #inputEnded(): void {
    if (this.#isInputEnded) return;
    this.#isInputEnded = true;
    if (this.#terminal === undefined) this.#endOfInput.begin();
    else this.#leave();
  }

  #readInput(): void {
    const { stdin } = this.#options;
    if (this.#isLent) return;
    for (const bytes of this.#early.splice(0)) this.#connection.sendInput(bytes);
    if (this.#isReading && !this.#isInputEnded && stdin.isPaused()) stdin.resume();
  }

  #sendSize(): void {
    const { cols, rows } = this.#terminal?.size ?? { cols: 80, rows: 24 };
    this.#connection.sendSize(cols, rows);
  }

  #show(sink: WriteStream, payload: Buffer): void {
    if (this.#isOutputGone) return;
    this.#endOfInput.heard();
    if (!sink.write(payload) && sink === this.#options.stdout) this.#connection.setSinkFull(true);
  }

  #onInterruption(isInterrupted: boolean, why: string): void {
    if (isInterrupted) {
      this.#noticeTimer ??= setTimeout(() => {
        this.#hasSaidInterrupted = true;
        const hint = this.#terminal === undefined ? '' : ' ~. leaves.';
        this.#say(`connection lost (${why}); resuming the session.${hint}`);
      }, QUIET_INTERRUPTION_MS);
      return;
    }
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = undefined;
    if (!this.#hasSaidInterrupted) return;
    this.#hasSaidInterrupted = false;
    this.#say('the session is back.');
  }

  #leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    // From here on Ctrl-C is this program's, whatever the far end is doing.
    this.#terminal?.restore();
    void this.#connection.terminate(0);
  }

  /** A line of this end's own, apart from what the far end draws. */
  #say(line: string): void {
    const [before, after] = this.#terminal?.isRaw === true ? ['\r\n', '\r\n'] : ['', '\n'];
    this.#options.stderr.write(`${before}devaccess: ${line}${after}`);
  }

  /** @throws DevaccessError */
  #judge(end: SessionEnd): void {
    if (this.#isLeaving) return;
    if (end.kind === 'failed') throw end.error;
    if (end.kind === 'ended-here') return;
    const reason = printable(end.output).trim();
    if (reason === '' && !end.isIncomplete) return;
    const how = end.isIncomplete ? 'with output missing' : 'by the service';
    const why = reason === '' ? '' : `: ${reason}`;
    throw new DevaccessError(
      'DA_SESSION_ENDED',
      `The session with ${this.#options.name} ended ${how}${why}.`,
      { next: 'start it again.' },
    );
  }

  /** Waits until the screen has everything; not for long once a signal asked to stop. */
  async #flush(): Promise<void> {
    const { stdout, stop } = this.#options;
    if (this.#isOutputGone) return;
    await new Promise<void>((resolve) => {
      const hurry = (): void => void setTimeout(resolve, STOP_GRACE_MS).unref();
      if (stop.aborted) hurry();
      else stop.addEventListener('abort', hurry);
      stdout.once('error', () => resolve());
      stdout.write('', () => resolve());
    });
  }
}
