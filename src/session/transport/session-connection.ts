import { randomBytes, randomUUID } from 'node:crypto';
import { DevaccessError, errorLine, printable } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import { ClientChannel, CLIENT_VERSION } from '../protocol/channel/client-channel.ts';
import type { ChannelEvent, SessionFacts } from '../protocol/channel/channel-event.ts';
import { openDataChannelRequest } from '../protocol/channel/handshake.ts';
import type { Pace } from '../protocol/channel/token-bucket.ts';
import { FLAG } from '../protocol/message/constants.ts';
import type { SessionApi, StreamTicket } from '../session-api.ts';
import { GatewayOpenError, GatewaySocket } from './gateway-socket.ts';
import { Liveness } from './liveness.ts';
import { ResumePlan } from './resume-plan.ts';
import { signedUpgradeHeaders } from './sign-upgrade.ts';
import { checkStreamUrl, isLoopbackHost } from './stream-url.ts';

/** What the service tolerates from one session, with a margin (docs/protocol.md §4). */
export const DEFAULT_PACE: Pace = { perSecond: 900, burst: 900 };

/** Bytes in the socket's buffer at which no more frames are made, and no more are read. */
const SOCKET_BUFFER_BYTES = 512 * 1024;
const FRAMES_AT_ONCE = 128;
/** The agent waits 15 s for each answer of the handshake; nothing later will come. */
const HANDSHAKE_TIMEOUT_MS = 30_000;

/** How a session ended. */
export type SessionEnd =
  | { kind: 'closed-by-service'; output: string; isIncomplete: boolean }
  | { kind: 'ended-here' }
  | { kind: 'failed'; error: DevaccessError };

export interface SessionHandlers {
  onReady(session: SessionFacts, customerMessage: string): void;
  /** In order; the bytes stay valid after the call. */
  onOutput(payload: Buffer): void;
  onStdErr(payload: Buffer): void;
  onExitCode(code: number): void;
  onConnectToPortError(): void;
  /** After a turn that left room: more input may be offered while `wantsInput` is true. */
  onWantsInput(): void;
  /** The connection was lost and is being resumed, or is back. */
  onInterruption(isInterrupted: boolean, why: string): void;
  /** Once; nothing follows. */
  onEnd(end: SessionEnd): void;
}

export interface SessionConnectionOptions {
  api: SessionApi;
  sessionId: string;
  target: string;
  ticket: StreamTicket;
  handlers: SessionHandlers;
  log: Log;
  /** Data messages per second; by default paced, except to a gateway on loopback. */
  pace?: Pace | 'off';
}

/** Milliseconds since the epoch that never jump back. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Keeps one session's channel on a socket: opens the gateway, moves frames and time between it and
 * the sans-IO channel, and resumes on a new socket whenever the old one is gone
 * (docs/protocol.md §1.5). The only place of a session with sockets and timers.
 */
export class SessionConnection {
  readonly #options: SessionConnectionOptions;
  readonly #channel: ClientChannel;
  readonly #clientId = randomUUID();
  readonly #liveness = new Liveness();
  #ticket: StreamTicket;
  #socket: GatewaySocket | undefined;
  #isEnded = false;
  #isReadingPaused = false;
  #isSinkFull = false;
  #isTurnScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Infinity;
  #handshakeTimer: NodeJS.Timeout | undefined;
  #cleanup: Promise<void> | undefined;
  readonly #endListeners: (() => void)[] = [];

  constructor(options: SessionConnectionOptions) {
    this.#options = options;
    this.#ticket = options.ticket;
    const url = this.#checkedUrl(options.ticket);
    const isLocal = isLoopbackHost(url.hostname);
    const pace = options.pace ?? (isLocal ? 'off' : DEFAULT_PACE);
    this.#channel = new ClientChannel({
      nowMs: nowMs(),
      randomUuid: randomUUID,
      randomNonce: () => randomBytes(12),
      ...(pace === 'off' ? {} : { pace }),
    });
  }

  /** Opens the data channel for the first time. @throws DevaccessError */
  async open(): Promise<void> {
    await this.#connect();
    this.#handshakeTimer = setTimeout(() => {
      this.#fail(
        new DevaccessError(
          'DA_HANDSHAKE',
          `The agent on ${this.#options.target} did not finish its handshake within ${HANDSHAKE_TIMEOUT_MS / 1000} s.`,
          {
            next: 'check that the node is online (its agent may be starting or overloaded) and try again.',
          },
        ),
      );
    }, HANDSHAKE_TIMEOUT_MS);
  }

  /** Whether more input is wanted now; `onWantsInput` tells when that changes to true. */
  get wantsInput(): boolean {
    return !this.#isEnded && this.#channel.wantsInput;
  }

  /** Everything offered has been acknowledged by the agent. */
  get isDrained(): boolean {
    return this.#channel.isDrained;
  }

  get hasDeliveredInput(): boolean {
    return this.#channel.hasDeliveredInput;
  }

  get isPaused(): boolean {
    return this.#channel.isPaused;
  }

  get isReady(): boolean {
    return this.#channel.isReady;
  }

  /** Sends bytes of the local side. Call only while `wantsInput`; a caller's batch may overshoot. */
  sendInput(bytes: Buffer): void {
    if (!this.#channel.isReady) return;
    this.#channel.sendInput(bytes, nowMs());
    this.#scheduleTurn();
  }

  /** The local sink is full (true) or takes output again (false). */
  setSinkFull(isFull: boolean): void {
    this.#isSinkFull = isFull;
    this.#regulateReading();
  }

  /**
   * Ends the session at the agent: with the TerminateSession flag where the channel is open and
   * the agent knows it, else with the API. Resolves when it is done or `graceMs` have passed.
   */
  async terminate(graceMs: number): Promise<void> {
    if (this.#isEnded) return;
    const isFlagUsable =
      this.#socket !== undefined &&
      this.#channel.isReady &&
      !this.#channel.isPaused &&
      this.#channel.session.abilities.terminateSessionFlag;
    if (isFlagUsable) {
      this.#channel.sendFlag(FLAG.terminateSession, nowMs());
      this.#scheduleTurn();
      await this.#endedWithin(graceMs);
      if (this.#hasEnded()) return;
    }
    const { api, sessionId, log } = this.#options;
    try {
      await api.terminate(sessionId);
    } catch (error) {
      log.event('terminate-failed', { reason: errorLine(error) });
    }
    this.#end({ kind: 'ended-here' });
  }

  /** Fails the session with an error of the caller's; ends it at the agent too. */
  abort(error: DevaccessError): void {
    this.#fail(error);
  }

  /** Resolves when what a failed session leaves behind is cleared away. */
  async settled(): Promise<void> {
    await this.#cleanup;
  }

  #hasEnded(): boolean {
    return this.#isEnded;
  }

  async #endedWithin(graceMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#endListeners.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #checkedUrl(ticket: StreamTicket): URL {
    const { region, configuredHosts } = this.#options.api;
    return checkStreamUrl(ticket.streamUrl, region, configuredHosts);
  }

  async #connect(): Promise<void> {
    const { api, log } = this.#options;
    const url = this.#checkedUrl(this.#ticket);
    const headers = await this.#signedHeaders(url);
    let isCurrent = true;
    const socket = await GatewaySocket.open(url, headers, {
      onFrame: (frame) => {
        if (!isCurrent || this.#isEnded) return;
        this.#channel.receive(frame, nowMs());
        this.#scheduleTurn();
      },
      onHeard: () => this.#liveness.heard(nowMs()),
      onDrain: () => this.#scheduleTurn(),
      onClose: (code, reason) => {
        if (!isCurrent) return;
        isCurrent = false;
        this.#connectionLost(`closed with ${code}${reason === '' ? '' : ` ${printable(reason)}`}`);
      },
    });
    if (this.#isEnded) {
      isCurrent = false;
      socket.terminate();
      return;
    }
    socket.sendText(
      openDataChannelRequest({
        requestId: randomUUID(),
        tokenValue: this.#ticket.tokenValue,
        clientId: this.#clientId,
        clientVersion: CLIENT_VERSION,
      }),
    );
    this.#socket = socket;
    this.#isReadingPaused = false;
    this.#liveness.restart(nowMs());
    log.event('open', { host: url.host, region: api.region, ...this.#channel.statistics });
    this.#regulateReading();
    this.#scheduleTurn();
  }

  /** A failure to sign is logged, not fatal: the service still accepts unsigned clients (§1.2). */
  async #signedHeaders(url: URL): Promise<Record<string, string>> {
    const { api, log } = this.#options;
    try {
      return await signedUpgradeHeaders(url, api.region, await api.credentials());
    } catch (error) {
      log.event('sign-failed', { reason: errorLine(error) });
      return {};
    }
  }

  #connectionLost(why: string): void {
    if (this.#isEnded) return;
    this.#socket = undefined;
    this.#clearTimer();
    this.#channel.connectionLost(nowMs());
    this.#options.log.event('lost', { why, ...this.#channel.statistics });
    void this.#resume(why);
  }

  /** Tries to open a new socket until it works, the session is over, or the plan gives up. */
  async #resume(why: string): Promise<void> {
    const { api, sessionId, handlers, log } = this.#options;
    const plan = new ResumePlan(nowMs());
    handlers.onInterruption(true, why);
    while (!this.#isEnded) {
      await delay(plan.nextDelayMs());
      if (this.#hasEnded()) return;
      try {
        const ticket = await api.resume(sessionId);
        if (ticket === undefined) {
          this.#fail(sessionOver(sessionId, why));
          return;
        }
        this.#ticket = { streamUrl: this.#ticket.streamUrl, ...ticket };
        await this.#connect();
        handlers.onInterruption(false, '');
        return;
      } catch (error) {
        log.event('resume-failed', { attempt: plan.attempts, reason: errorLine(error) });
        if (plan.isHopeless(error, nowMs())) {
          this.#fail(resumeFailed(sessionId, why, error));
          return;
        }
      }
    }
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled || this.#isEnded) return;
    this.#isTurnScheduled = true;
    // After the whole chunk of frames that is being read: one write for all acknowledgements.
    process.nextTick(() => {
      this.#isTurnScheduled = false;
      this.#turn();
    });
  }

  /** One turn: hand events up, write what may be written, set the clock for the next. */
  #turn(): void {
    if (this.#isEnded) return;
    const { handlers } = this.#options;
    for (const event of this.#channel.takeEvents()) {
      this.#handle(event);
      if (this.#hasEnded()) return;
    }
    if (this.#channel.wantsInput) handlers.onWantsInput();
    this.#writeFrames();
    this.#regulateReading();
    this.#setTimer();
  }

  #writeFrames(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    while (socket.bufferedBytes < SOCKET_BUFFER_BYTES) {
      const frames = this.#channel.takeFrames(nowMs(), FRAMES_AT_ONCE);
      if (frames.length === 0) break;
      socket.sendFrames(frames);
    }
  }

  #handle(event: ChannelEvent): void {
    const { handlers, log } = this.#options;
    switch (event.type) {
      case 'ready':
        clearTimeout(this.#handshakeTimer);
        log.event('ready', {
          agentVersion: event.session.agentVersion,
          sessionType: event.session.sessionType,
        });
        handlers.onReady(event.session, event.customerMessage);
        return;
      case 'output':
        handlers.onOutput(event.payload);
        return;
      case 'std-err':
        handlers.onStdErr(event.payload);
        return;
      case 'exit-code':
        handlers.onExitCode(event.code);
        return;
      case 'connect-to-port-error':
        handlers.onConnectToPortError();
        return;
      case 'data-key-needed':
        void this.#fetchDataKey(event.keyId, event.randomChallenge);
        return;
      case 'paused':
      case 'resumed':
        log.event(event.type, this.#channel.statistics);
        return;
      case 'message-dropped':
        log.event('dropped', { reason: event.reason });
        return;
      case 'closed':
        this.#end({
          kind: 'closed-by-service',
          output: event.output,
          isIncomplete: event.isIncomplete,
        });
        return;
      case 'failed':
        this.#fail(
          new DevaccessError(
            event.failure === 'encryption-failed' ? 'DA_ENCRYPTION' : 'DA_PROTOCOL',
            `The session with ${this.#options.target} was ended: ${event.detail}.`,
          ),
        );
        return;
      default:
        event satisfies never;
    }
  }

  async #fetchDataKey(keyId: string, randomChallenge: string | undefined): Promise<void> {
    const { api, sessionId, target } = this.#options;
    const context: Record<string, string> = {
      'aws:ssm:SessionId': sessionId,
      'aws:ssm:TargetId': target,
    };
    if (randomChallenge !== undefined) context['aws:ssm:RandomChallenge'] = randomChallenge;
    try {
      this.#channel.provideDataKey(await api.generateDataKey(keyId, context), nowMs());
      this.#scheduleTurn();
    } catch (error) {
      this.#channel.refuseDataKey('the client could not get a data key', nowMs());
      this.#writeFrames();
      this.#fail(
        error instanceof DevaccessError
          ? error
          : new DevaccessError(
              'DA_ENCRYPTION',
              `The session asks for encryption with a KMS key, which failed: ${errorLine(error)}`,
              { cause: error },
            ),
      );
    }
  }

  /** Never drop what arrives: stop reading instead, and TCP pushes back (§4). */
  #regulateReading(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    const shouldPause = this.#isSinkFull || socket.bufferedBytes >= SOCKET_BUFFER_BYTES;
    if (shouldPause === this.#isReadingPaused) return;
    this.#isReadingPaused = shouldPause;
    if (shouldPause) {
      socket.pauseReading();
    } else {
      this.#liveness.restart(nowMs());
      socket.resumeReading();
    }
  }

  #setTimer(): void {
    const now = nowMs();
    // A full socket announces itself when it has drained; until then there is nothing to send.
    const isSocketFull = (this.#socket?.bufferedBytes ?? 0) >= SOCKET_BUFFER_BYTES;
    const channelMs = isSocketFull ? undefined : this.#channel.deadlineMs(now);
    const atMs = Math.min(
      channelMs ?? Infinity,
      this.#liveness.deadlineMs(!this.#channel.isDrained),
    );
    if (this.#timer !== undefined && atMs >= this.#timerAtMs) return;
    this.#clearTimer();
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, Math.ceil(atMs - now)));
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
    const socket = this.#socket;
    if (this.#isEnded || socket === undefined) return;
    const now = nowMs();
    this.#channel.expire(now);
    if (!this.#isReadingPaused) {
      const state = this.#liveness.check(now, !this.#channel.isDrained);
      if (state === 'ping') socket.ping();
      if (state === 'dead') {
        socket.terminate();
        return;
      }
    } else {
      this.#liveness.restart(now);
    }
    this.#turn();
  }

  #fail(error: DevaccessError): void {
    this.#end({ kind: 'failed', error });
  }

  #end(end: SessionEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#handshakeTimer);
    this.#clearTimer();
    const { log, handlers, api, sessionId } = this.#options;
    log.event('end', { kind: end.kind, ...this.#channel.statistics });
    this.#channel.end();
    this.#socket?.close();
    this.#socket = undefined;
    if (end.kind === 'failed') {
      // The session may live on at the agent; end it there too.
      this.#cleanup = api.terminate(sessionId).catch((error: unknown) => {
        log.event('terminate-failed', { reason: errorLine(error) });
      });
    }
    handlers.onEnd(end);
    for (const listener of this.#endListeners) listener();
  }
}

function sessionOver(sessionId: string, why: string): DevaccessError {
  return new DevaccessError(
    'DA_SESSION_OVER',
    `The connection was lost (${why}) and session ${sessionId} is over: Systems Manager gives no token to resume it.`,
    { next: 'connect again.' },
  );
}

function resumeFailed(sessionId: string, why: string, error: unknown): DevaccessError {
  if (error instanceof GatewayOpenError || !(error instanceof DevaccessError)) {
    return new DevaccessError(
      'DA_RESUME',
      `The connection was lost (${why}) and session ${sessionId} could not be resumed: ${errorLine(error)}`,
      { next: 'check the network and connect again.', cause: error },
    );
  }
  return new DevaccessError(
    error.code,
    `The connection was lost (${why}) and session ${sessionId} could not be resumed: ${error.message}`,
    {
      exitCode: error.exitCode,
      cause: error,
      ...(error.next === undefined ? {} : { next: error.next }),
    },
  );
}

async function delay(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
