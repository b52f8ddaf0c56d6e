import type { Readable, Writable } from 'node:stream';
import type { Connections } from '../aws/connections.ts';
import { DevaccessError, printable } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { Flow } from './flow.ts';
import type { SessionFacts } from './protocol/channel/channel-event.ts';
import { laneOf } from './lane.ts';
import type { Lane } from './lane.ts';
import { portUnreachable } from './port-unreachable.ts';
import { SmuxFramingError } from './protocol/smux/frame.ts';
import type { SessionApi, StartedSession } from './session-api.ts';
import { SessionConnection } from './transport/session-connection.ts';
import type { SessionEnd } from './transport/session-connection.ts';
import { gatewayUnreachable } from './transport/session-failure.ts';

/** After the end of input: how long the far end may stay silent before the session is ended. */
const LINGER_MS = 5_000;
/** How long a message that is missing in the middle of the output is waited for. */
const GAP_PATIENCE_MS = 60_000;
/** How long in-flight data may take once a signal asked to stop. */
const STOP_GRACE_MS = 1_000;
const TERMINATE_GRACE_MS = 2_000;
/** How long an answer to StartSession is waited for after that, to end what it started. */
const STOP_PATIENCE_MS = 3_000;
/** A far end that neither speaks nor takes input for so long is not there (docs/protocol.md §7.8). */
const SILENCE_MS = 8_000;
const SILENCE_PAUSED_MS = 3_000;
/** With no input to be taken, only an SSH server's duty to speak first tells; give it longer. */
const SILENCE_WITHOUT_INPUT_MS = 10_000;
const WATCH_EVERY_MS = 250;
/** Interruptions shorter than this are not worth a line on the person's terminal. */
const QUIET_INTERRUPTION_MS = 3_000;

export interface SshProxyOptions {
  api: SessionApi;
  /** The session, started or being started. */
  session: Promise<StartedSession>;
  connections: Connections;
  target: string;
  port: number;
  /** A host that the target forwards to; undefined for the target itself. */
  remoteHost: string | undefined;
  stdin: Readable;
  stdout: Writable;
  /** Lines for the person. */
  say: (line: string) => void;
  log: Log;
  flow?: Flow;
  /** Asks the person for what expired in the middle of the session. */
  renewCredentials?: () => Promise<boolean>;
  /** When the data channel works, with what the agent told. */
  onReady?: (facts: SessionFacts) => void;
  /** Once, when the first bytes of the far end have been handed on. */
  onWorks?: () => void;
  /** Whether whoever started this process still lives. */
  isParentAlive: () => boolean;
  /** Aborted when a signal asks to stop. */
  stop: AbortSignal;
}

/**
 * Runs one AWS-StartSSHSession between stdin/stdout and a port on the target, to the end of the
 * session, and never leaves the session open behind it.
 *
 * @returns whether everything the local side sent arrived
 * @throws DevaccessError when the session could not start or ended in an error
 */
export async function runSshProxy(options: SshProxyOptions): Promise<void> {
  const { target, port, stop } = options;
  const session = await Promise.race([options.session, stoppedFor(STOP_PATIENCE_MS, stop)]);
  if (session === undefined) return;
  options.log.event('started', { sessionId: session.sessionId, target, port });
  let proxy: SshProxy;
  try {
    proxy = new SshProxy(options, session);
  } catch (error) {
    // Its stream address was refused; it is open all the same.
    await options.api.terminate(session.sessionId).catch(() => undefined);
    throw error;
  }
  if (stop.aborted) await proxy.abandon();
  else await proxy.run();
}

/** Resolves when `stop` was asked for and so much time has passed. */
function stoppedFor(milliseconds: number, stop: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const wait = (): void => void setTimeout(() => resolve(undefined), milliseconds);
    if (stop.aborted) wait();
    else stop.addEventListener('abort', wait);
  });
}

class SshProxy {
  readonly #options: SshProxyOptions;
  readonly #connection: SessionConnection;
  #resolveEnd: (end: SessionEnd) => void = () => undefined;
  readonly #ended: Promise<SessionEnd>;
  #lane: Lane | undefined;
  #isInputEnded = false;
  #isOutputGone = false;
  #hasFarEndSpoken = false;
  #readyAtMs: number | undefined;
  #lastOutputMs = 0;
  #drainedAtMs: number | undefined;
  #isStopping = false;
  #isInputLost = false;
  #isCorked = false;
  #noticeTimer: NodeJS.Timeout | undefined;
  #hasSaidInterrupted = false;

  constructor(options: SshProxyOptions, session: StartedSession) {
    this.#options = options;
    this.#ended = new Promise((resolve) => {
      this.#resolveEnd = resolve;
    });
    this.#connection = new SessionConnection({
      api: options.api,
      sessionId: session.sessionId,
      target: options.target,
      ticket: session,
      connections: options.connections,
      log: options.log,
      flow: options.flow,
      renewCredentials: options.renewCredentials,
      handlers: {
        onReady: (facts, customerMessage) => this.#onReady(facts, customerMessage),
        onOutput: (payload) => this.#onPayload(payload),
        onStdErr: () => undefined,
        onExitCode: () => undefined,
        onConnectToPortError: () => this.#stopWith(portUnreachable(options)),
        onWantsInput: () => this.#readInput(),
        onInterruption: (isInterrupted, why) => this.#onInterruption(isInterrupted, why),
        onEnd: (end) => this.#resolveEnd(end),
      },
    });
  }

  /** Ends the session before it was ever opened. */
  async abandon(): Promise<void> {
    await this.#connection.terminate(0);
  }

  async run(): Promise<void> {
    const { stdin, stdout, stop } = this.#options;
    const watch = setInterval(() => this.#watch(), WATCH_EVERY_MS);
    const onStop = (): void => this.#stop();
    stop.addEventListener('abort', onStop);
    stdout.on('error', () => {
      this.#isOutputGone = true;
      this.#stop();
    });
    stdout.on('drain', () => this.#connection.setSinkFull(false));
    try {
      await this.#open();
      const end = await this.#ended;
      await this.#connection.settled();
      this.#judge(end);
      await this.#flushOutput();
    } finally {
      clearInterval(watch);
      clearTimeout(this.#noticeTimer);
      stop.removeEventListener('abort', onStop);
      stdin.destroy();
    }
  }

  async #open(): Promise<void> {
    try {
      await this.#connection.open();
    } catch (error) {
      this.#connection.abort(gatewayUnreachable(error));
    }
  }

  #onReady(facts: SessionFacts, customerMessage: string): void {
    if (customerMessage !== '') this.#options.say(printable(customerMessage));
    this.#readyAtMs = Date.now();
    this.#lastOutputMs = this.#readyAtMs;
    this.#options.log.event('session', { agentVersion: facts.agentVersion });
    this.#options.onReady?.(facts);
    const { stdin } = this.#options;
    const lane = laneOf(facts);
    this.#lane = lane;
    if (lane.opening.length > 0) this.#connection.sendInput(lane.opening);
    stdin.on('data', (chunk: Buffer) => {
      this.#connection.sendInput(lane.wrap(chunk));
      if (!this.#connection.wantsInput) stdin.pause();
    });
    const onEnd = (): void => {
      this.#isInputEnded = true;
    };
    stdin.on('end', onEnd);
    stdin.on('error', onEnd);
  }

  #readInput(): void {
    const { stdin } = this.#options;
    if (!this.#isInputEnded && stdin.isPaused()) stdin.resume();
  }

  #onPayload(payload: Buffer): void {
    try {
      const { data, isFinished } = this.#lane?.unwrap(payload) ?? { data: [], isFinished: false };
      for (const part of data) this.#onOutput(part);
      // The far end closed the connection; the session has no other.
      if (isFinished) this.#stop();
    } catch (error) {
      if (!(error instanceof SmuxFramingError)) throw error;
      this.#stopWith(
        new DevaccessError('DA_PROTOCOL', `The agent broke the multiplexing: ${error.message}.`),
      );
    }
  }

  #onOutput(payload: Buffer): void {
    if (this.#isOutputGone || payload.length === 0) return;
    if (!this.#hasFarEndSpoken) {
      this.#hasFarEndSpoken = true;
      this.#options.onWorks?.();
    }
    this.#lastOutputMs = Date.now();
    const { stdout } = this.#options;
    if (!this.#isCorked) {
      // One write for all the messages that arrived together.
      this.#isCorked = true;
      stdout.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        stdout.uncork();
      });
    }
    if (!stdout.write(payload)) this.#connection.setSinkFull(true);
  }

  /** Looks after what no event announces: silence, the end of input, a parent that died. */
  #watch(): void {
    if (this.#isStopping) return;
    const now = Date.now();
    // Until data flows nobody can have sent ssh to the background: the parent is who asked for this.
    if (this.#readyAtMs === undefined && !this.#options.isParentAlive()) {
      this.#stop();
      return;
    }
    if (this.#isInputEnded) {
      if (!this.#options.isParentAlive()) {
        this.#stop();
        return;
      }
      if (!this.#connection.isDrained) {
        this.#watchSilence(now);
        return;
      }
      this.#drainedAtMs ??= now;
      const quietSince = Math.max(this.#drainedAtMs, this.#lastOutputMs);
      const { hasGap } = this.#connection;
      if (now - quietSince < (hasGap ? GAP_PATIENCE_MS : LINGER_MS)) return;
      if (hasGap) this.#stopWith(endedEarly(this.#options.target, 'with data missing', ''));
      else if (this.#isFarEndAlive()) this.#stop();
      else this.#stopWith(portUnreachable(this.#options));
      return;
    }
    this.#watchSilence(now);
  }

  /** The far end has said something, or taken something. */
  #isFarEndAlive(): boolean {
    return (
      this.#hasFarEndSpoken ||
      (this.#lane?.isDeliveryProof === true && this.#connection.hasDeliveredInput)
    );
  }

  #watchSilence(now: number): void {
    if (this.#readyAtMs === undefined || this.#isFarEndAlive()) return;
    const limit = this.#connection.isDrained
      ? SILENCE_WITHOUT_INPUT_MS
      : this.#connection.isPaused
        ? SILENCE_PAUSED_MS
        : SILENCE_MS;
    if (now - this.#readyAtMs >= limit) this.#stopWith(portUnreachable(this.#options));
  }

  #onInterruption(isInterrupted: boolean, why: string): void {
    if (isInterrupted) {
      this.#noticeTimer ??= setTimeout(() => {
        this.#hasSaidInterrupted = true;
        this.#options.say(`connection lost (${why}); resuming the session …`);
      }, QUIET_INTERRUPTION_MS);
      return;
    }
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = undefined;
    if (this.#hasSaidInterrupted) {
      this.#hasSaidInterrupted = false;
      this.#options.say('the session is back.');
    }
  }

  /** Ends the session: gives data in flight a moment, then tells the agent. */
  #stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    void this.#drainThenTerminate();
  }

  async #drainThenTerminate(): Promise<void> {
    const deadline = Date.now() + STOP_GRACE_MS;
    while (this.#connection.isReady && !this.#connection.isDrained && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#isInputLost = !this.#connection.isDrained;
    await this.#connection.terminate(TERMINATE_GRACE_MS);
  }

  #stopWith(error: DevaccessError): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#connection.abort(error);
  }

  /** Decides whether the session ended well. @throws DevaccessError */
  #judge(end: SessionEnd): void {
    if (end.kind === 'failed') throw end.error;
    if (end.kind === 'closed-by-service' && !this.#isStopping) {
      const reason = printable(end.output);
      this.#isInputLost = !this.#connection.isDrained;
      if (end.isIncomplete) throw endedEarly(this.#options.target, 'with data missing', reason);
      if (reason !== '') throw endedEarly(this.#options.target, 'by the service', reason);
    }
    if (this.#isInputLost) {
      throw endedEarly(this.#options.target, 'before everything sent had arrived', '');
    }
  }

  /** Waits until everything received has been taken; not for long once a signal asked to stop. */
  async #flushOutput(): Promise<void> {
    const { stdout, stop } = this.#options;
    if (this.#isOutputGone) return;
    await new Promise<void>((resolve) => {
      const hurry = (): void => void setTimeout(resolve, STOP_GRACE_MS);
      if (stop.aborted) hurry();
      else stop.addEventListener('abort', hurry);
      stdout.once('error', () => resolve());
      stdout.write('', () => resolve());
    });
  }
}

function endedEarly(target: string, how: string, reason: string): DevaccessError {
  const why = reason === '' ? '' : `: ${reason}`;
  return new DevaccessError('DA_SESSION_ENDED', `The session with ${target} ended ${how}${why}.`, {
    next: 'connect again.',
  });
}
