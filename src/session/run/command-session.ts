import { DevaccessError, printable } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import { tellsExitCodes } from '../protocol/channel/agent-version.ts';
import type { SessionFacts } from '../protocol/channel/channel-event.ts';
import type { SessionApi } from '../session-api.ts';
import { startSession } from '../start-session.ts';
import { SessionConnection } from '../transport/session-connection.ts';
import type { SessionEnd } from '../transport/session-connection.ts';
import { gatewayUnreachable } from '../transport/session-failure.ts';
import type { OutputSink, StreamName } from './output-sink.ts';
import { sessionCommand } from './remote-command.ts';

const DOCUMENT = 'AWS-StartNonInteractiveCommand';
/** What the agent takes for SIGINT. */
const INTERRUPT = Buffer.of(0x03);
/** How long an interrupted command may take to come to its end. */
const INTERRUPT_GRACE_MS = 2_000;

export interface CommandOptions {
  target: string;
  /** For the node's shell. */
  line: string;
  sink: OutputSink;
  /** Lines for the person. */
  say: (line: string) => void;
  log: Log;
  /** Aborted to interrupt the command and give it up. */
  stop: AbortSignal;
}

/**
 * Runs a line in a shell on a node, as AWS-StartNonInteractiveCommand, to its end.
 *
 * @returns its exit code, -1 for one that a signal ended; undefined when it was stopped
 * @throws DevaccessError when the session could not start, ended in an error, or told no exit code
 */
export async function runInSession(
  options: CommandOptions & { api: SessionApi },
): Promise<number | undefined> {
  const { api, target, line, log, stop } = options;
  const session = await startSession(
    api,
    {
      target,
      documentName: DOCUMENT,
      parameters: { command: [sessionCommand(line)], separateOutputStream: ['true'] },
    },
    stop,
  );
  if (session === undefined) return undefined;
  log.event('started', { sessionId: session.sessionId, target });
  let running: CommandSession;
  try {
    running = new CommandSession(options, {
      api,
      sessionId: session.sessionId,
      target,
      ticket: session,
      log,
    });
  } catch (error) {
    // Its stream address was refused; it is open all the same.
    await api.terminate(session.sessionId).catch(() => undefined);
    throw error;
  }
  return running.run();
}

type ConnectionOptions = Omit<
  ConstructorParameters<typeof SessionConnection>[0],
  'handlers' | 'isHandshakeOptional'
>;

class CommandSession {
  readonly #options: CommandOptions;
  readonly #connection: SessionConnection;
  readonly #ended: Promise<SessionEnd>;
  #resolveEnd: (end: SessionEnd) => void = () => undefined;
  #facts: SessionFacts | undefined;
  #exitCode: number | undefined;
  #isStopping = false;

  constructor(options: CommandOptions, connection: ConnectionOptions) {
    this.#options = options;
    this.#ended = new Promise((resolve) => {
      this.#resolveEnd = resolve;
    });
    this.#connection = new SessionConnection({
      ...connection,
      handlers: {
        onReady: (facts, customerMessage) => {
          this.#facts = facts;
          if (customerMessage !== '') options.say(printable(customerMessage).trim());
        },
        onOutput: (payload) => this.#show('stdout', payload),
        onStdErr: (payload) => this.#show('stderr', payload),
        onExitCode: (code) => {
          this.#exitCode = code;
        },
        onConnectToPortError: () => undefined,
        onWantsInput: () => undefined,
        onInterruption: () => undefined,
        onEnd: (end) => this.#resolveEnd(end),
      },
    });
  }

  async run(): Promise<number | undefined> {
    const { sink, stop } = this.#options;
    const onStop = (): void => void this.#stop();
    const forget = sink.onDrain(() => this.#connection.setSinkFull(false));
    stop.addEventListener('abort', onStop);
    try {
      if (stop.aborted) onStop();
      else
        await this.#connection.open().catch((error: unknown) => {
          this.#connection.abort(gatewayUnreachable(error));
        });
      const end = await this.#ended;
      await this.#connection.settled();
      return this.#isStopping ? undefined : this.#judge(end);
    } finally {
      stop.removeEventListener('abort', onStop);
      forget();
    }
  }

  #show(stream: StreamName, payload: Buffer): void {
    const hasRoom = this.#options.sink.write(stream, payload);
    if (!hasRoom && !this.#isStopping) this.#connection.setSinkFull(true);
  }

  /** Interrupts the command, gives it a moment, then ends the session. */
  async #stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    if (this.#connection.isReady) {
      // Or the end would wait behind output that nobody takes.
      this.#connection.setSinkFull(false);
      this.#connection.sendInput(INTERRUPT);
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise((resolve) => {
        timer = setTimeout(resolve, INTERRUPT_GRACE_MS);
      });
      await Promise.race([this.#ended, grace]);
      clearTimeout(timer);
    }
    await this.#connection.terminate(0);
  }

  /** @throws DevaccessError */
  #judge(end: SessionEnd): number {
    const { target } = this.#options;
    if (end.kind === 'failed') throw end.error;
    const isWhole = end.kind === 'closed-by-service' && !end.isIncomplete;
    if (this.#exitCode !== undefined && isWhole) return this.#exitCode;
    const reason = end.kind === 'closed-by-service' ? printable(end.output).trim() : '';
    if (reason === '' && isWhole && this.#isTooOld()) {
      throw new DevaccessError(
        'DA_EXIT_CODE_UNKNOWN',
        `The agent on ${target} (${this.#facts?.agentVersion ?? ''}) cannot tell the command's exit code.`,
        { next: 'update the agent to 3.1.1511 or later, or use --via run-command.' },
      );
    }
    const why = reason === '' ? '' : `: ${reason}`;
    throw new DevaccessError(
      'DA_SESSION_ENDED',
      `The session with ${target} ended before the command was done${why}.`,
      { next: 'the command may have run: look before you run it again.' },
    );
  }

  #isTooOld(): boolean {
    return this.#facts !== undefined && !tellsExitCodes(this.#facts.agentVersion);
  }
}
