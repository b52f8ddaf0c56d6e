import { randomBytes, randomUUID } from 'node:crypto';
import { Connections } from '../../aws/connections.ts';
import { errorLine, printable } from '../../platform/errors.ts';
import type { DevaccessError } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import { isLoopbackHost } from '../../platform/loopback.ts';
import { ClientChannel, CLIENT_VERSION } from '../protocol/channel/client-channel.ts';
import type { ChannelEvent, SessionFacts } from '../protocol/channel/channel-event.ts';
import { openDataChannelRequest } from '../protocol/channel/handshake.ts';
import type { Pace } from '../protocol/channel/token-bucket.ts';
import { FLAG } from '../protocol/message/constants.ts';
import type { SessionApi, StreamTicket } from '../session-api.ts';
import { GatewayOpenError, GatewaySocket } from './gateway-socket.ts';
import { Liveness } from './liveness.ts';
import type { Activity } from './liveness.ts';
import { ResumePlan } from './resume-plan.ts';
import {
  channelFailed,
  dataKeyFailed,
  handshakeTimedOut,
  resumeFailed,
  sessionOver,
} from './session-failure.ts';
import { signedUpgradeHeaders } from './sign-upgrade.ts';
import { checkStreamUrl } from './stream-url.ts';

/** What the service tolerates from one session, with a margin (docs/protocol.md §4). */
export const DEFAULT_PACE: Pace = { perSecond: 900, burst: 900 };

/** Bytes in the socket's buffer at which no more frames are made, and no more are read. */
const SOCKET_BUFFER_BYTES = 512 * 1024;
const FRAMES_AT_ONCE = 128;
/** The agent waits 15 s for each answer of the handshake; nothing later will come. */
const HANDSHAKE_TIMEOUT_MS = 30_000;
/** How long the API may take to end a session when there is nothing else left to do. */
const TERMINATE_TIMEOUT_MS = 5_000;
/** A timer that fires so late shows that this process was stopped or starved meanwhile. */
const LATE_MS = 250;
/** While nothing is read there is no clock to keep; what is paced still goes out now and then. */
const DEAF_TICK_MS = 250;
/** A resumed connection that holds for so long is told of. */
const BACK_AFTER_MS = 1_000;
/** So long after a frame more are expected. */
const RECEIVING_FOR_MS = 10_000;
const REPORT_EVERY_MS = 10_000;
/** Close codes by which a service says that a client did not keep its rules. */
const PUSH_BACK_CODES = new Set([1008, 1013]);
/** A close so soon after a pause is about the rate too. */
const PUSH_BACK_AFTER_PAUSE_MS = 10_000;

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
  /** Where a connection to the gateway may be open already. */
  connections?: Connections;
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
  /** Aborted at the end: gives up a socket that is being opened. */
  readonly #closing = new AbortController();
  readonly #connections: Connections;
  /** From the loss of a connection until another one has proved good. */
  #plan: ResumePlan | undefined;
  #openedAtMs = 0;
  #frameAtMs = -Infinity;
  #progressAtOpen = 0;
  #pausedAtMs = -Infinity;
  /** What this end knows better than a close code. */
  #lossReason: string | undefined;
  #backTimer: NodeJS.Timeout | undefined;
  #reportTimer: NodeJS.Timeout | undefined;
  #reportedProgress = 0;
  readonly #endListeners: (() => void)[] = [];

  constructor(options: SessionConnectionOptions) {
    this.#options = options;
    this.#ticket = options.ticket;
    this.#connections = options.connections ?? new Connections(process.env);
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

  /** Opens the data channel for the first time. @throws DevaccessError, GatewayOpenError */
  async open(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      if (this.#isEnded) return;
      throw error;
    }
    if (this.#isEnded) return;
    this.#handshakeTimer = setTimeout(() => {
      this.#fail(handshakeTimedOut(this.#options.target, HANDSHAKE_TIMEOUT_MS));
    }, HANDSHAKE_TIMEOUT_MS);
    this.#reportTimer = setInterval(() => this.#report(), REPORT_EVERY_MS);
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

  /** Basic port forwarding: the local connection has closed, the agent is to close its own. */
  sendDisconnect(): void {
    if (!this.#channel.isReady) return;
    this.#channel.sendFlag(FLAG.disconnectToPort, nowMs());
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
    await this.#terminateByApi();
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

  /** Ends the session with the API, as long as that takes no longer than a person would wait. */
  async #terminateByApi(): Promise<void> {
    const { api, sessionId, log } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), TERMINATE_TIMEOUT_MS);
    });
    try {
      await Promise.race([api.terminate(sessionId), timeout]);
    } catch (error) {
      log.event('terminate-failed', { reason: errorLine(error) });
    } finally {
      clearTimeout(timer);
    }
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
    const { region, configuredHosts, requiredStreamHost } = this.#options.api;
    return checkStreamUrl(ticket.streamUrl, region, configuredHosts, requiredStreamHost);
  }

  async #connect(): Promise<void> {
    const { api, log } = this.#options;
    const url = this.#checkedUrl(this.#ticket);
    const headers = await this.#signedHeaders(url);
    let isAdopted = false;
    let closed: { code: number; reason: string } | undefined;
    const socket = await GatewaySocket.open(
      url,
      headers,
      {
        onFrame: (frame) => {
          if (closed !== undefined || this.#isEnded) return;
          this.#frameAtMs = nowMs();
          this.#channel.receive(frame, this.#frameAtMs);
          this.#scheduleTurn();
        },
        onHeard: () => {
          this.#liveness.heard(nowMs());
          // Answers to pings fill the socket too: the turn looks whether to go on reading.
          this.#scheduleTurn();
        },
        onDrain: () => this.#scheduleTurn(),
        onClose: (code, reason) => {
          closed = { code, reason: printable(reason) };
          if (isAdopted) this.#connectionLost(code, closed.reason);
        },
      },
      this.#closing.signal,
      this.#connections,
    );
    if (this.#isEnded) {
      closed = { code: 0, reason: '' };
      socket.terminate();
      return;
    }
    if (closed !== undefined) throw closedAtOnce(closed);
    isAdopted = true;
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
    this.#openedAtMs = nowMs();
    this.#progressAtOpen = this.#channel.progress;
    this.#liveness.restart(this.#openedAtMs);
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

  #connectionLost(code: number, reason: string): void {
    if (this.#isEnded) return;
    const now = nowMs();
    const isPushBack =
      PUSH_BACK_CODES.has(code) ||
      this.#channel.isPaused ||
      now - this.#pausedAtMs < PUSH_BACK_AFTER_PAUSE_MS;
    const openForMs = now - this.#openedAtMs;
    const isProven = ResumePlan.isProven(this.#channel.progress - this.#progressAtOpen, openForMs);
    const why = this.#lossReason ?? `closed with ${code}${reason === '' ? '' : ` ${reason}`}`;
    this.#lossReason = undefined;
    this.#socket = undefined;
    this.#clearTimer();
    clearTimeout(this.#backTimer);
    this.#backTimer = undefined;
    this.#options.log.event('lost', {
      code,
      why,
      openForMs: Math.round(openForMs),
      isPushBack,
      ...this.#channel.statistics,
    });
    this.#channel.connectionLost(now, isPushBack);
    if (isProven) this.#plan = undefined;
    this.#options.handlers.onInterruption(true, why);
    const { sessionId } = this.#options;
    const refusal = closedAtOnce({ code, reason });
    if (this.#plan?.isHopeless(refusal, now) === true) {
      this.#fail(resumeFailed(sessionId, why, refusal));
      return;
    }
    void this.#resume(why);
  }

  /** Tries to open a new socket until it works, the session is over, or the plan gives up. */
  async #resume(why: string): Promise<void> {
    const { api, sessionId, log } = this.#options;
    const plan = (this.#plan ??= new ResumePlan(nowMs()));
    while (!this.#isEnded) {
      await delay(plan.nextDelayMs());
      if (this.#hasEnded()) return;
      try {
        log.event('resuming', { attempt: plan.attempts });
        const ticket = await api.resume(sessionId);
        if (ticket === undefined) {
          this.#fail(sessionOver(sessionId, why));
          return;
        }
        this.#ticket = { streamUrl: this.#ticket.streamUrl, ...ticket };
        await this.#connect();
        this.#backTimer = setTimeout(() => this.#tellBack(), BACK_AFTER_MS);
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

  /** The connection got something done, or held for a moment: it counts as being back. */
  #tellBack(): void {
    clearTimeout(this.#backTimer);
    this.#backTimer = undefined;
    this.#options.handlers.onInterruption(false, '');
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
    if (this.#backTimer !== undefined && this.#channel.progress > this.#progressAtOpen) {
      this.#tellBack();
    }
    if (this.#channel.wantsInput) handlers.onWantsInput();
    this.#writeFrames();
    this.#regulateReading();
    this.#setTimer();
  }

  #writeFrames(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    // Acknowledgements that are not being read are not late.
    if (this.#isReadingPaused) this.#channel.listeningAgain(nowMs());
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
        this.#pausedAtMs = nowMs();
        log.event('paused', { ...this.#channel.statistics });
        return;
      case 'resumed':
        log.event('resumed', { ...this.#channel.statistics });
        return;
      case 'closed':
        this.#end({
          kind: 'closed-by-service',
          output: event.output,
          isIncomplete: event.isIncomplete,
        });
        return;
      case 'failed':
        this.#fail(channelFailed(this.#options.target, event));
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
      this.#fail(dataKeyFailed(error));
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
      this.#channel.listeningAgain(nowMs());
      socket.resumeReading();
    }
  }

  #setTimer(): void {
    const now = nowMs();
    // A full socket announces itself when it has drained; until then there is nothing to send.
    const isSocketFull = (this.#socket?.bufferedBytes ?? 0) >= SOCKET_BUFFER_BYTES;
    const channelMs = isSocketFull
      ? undefined
      : this.#isReadingPaused
        ? now + DEAF_TICK_MS
        : this.#channel.deadlineMs(now);
    const atMs = Math.min(channelMs ?? Infinity, this.#liveness.deadlineMs(this.#activity));
    if (this.#timer !== undefined && atMs >= this.#timerAtMs) return;
    this.#clearTimer();
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => this.#onTimer(atMs), Math.max(1, Math.ceil(atMs - now)));
  }

  get #activity(): Activity {
    if (this.#isReadingPaused) return 'deaf';
    // What was pouring in and stops may have been cut off.
    const isReceiving = nowMs() - this.#frameAtMs < RECEIVING_FOR_MS;
    return isReceiving || !this.#channel.isDrained ? 'busy' : 'idle';
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
  }

  #onTimer(dueMs: number): void {
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
    // Timers run before sockets are read: what has arrived by now is heard first.
    setImmediate(() => this.#letTimePass(dueMs));
  }

  #letTimePass(dueMs: number): void {
    const socket = this.#socket;
    if (this.#isEnded || socket === undefined) return;
    const now = nowMs();
    if (now - dueMs > LATE_MS) {
      this.#options.log.event('was-asleep', { forMs: Math.round(now - dueMs) });
      this.#channel.listeningAgain(now);
      this.#liveness.restart(now);
    }
    const state = this.#liveness.check(now, this.#activity);
    if (state === 'ping') socket.ping();
    if (state === 'dead') {
      this.#lossReason = 'no answer to a ping';
      socket.terminate();
      return;
    }
    if (!this.#isReadingPaused) this.#channel.expire(now);
    this.#turn();
  }

  /** Periodic figures for the log, while anything happens. */
  #report(): void {
    const { progress } = this.#channel;
    if (progress === this.#reportedProgress && this.#channel.isDrained) return;
    this.#reportedProgress = progress;
    this.#options.log.event('statistics', { ...this.#channel.statistics });
  }

  #fail(error: DevaccessError): void {
    this.#end({ kind: 'failed', error });
  }

  #end(end: SessionEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#handshakeTimer);
    clearTimeout(this.#backTimer);
    clearInterval(this.#reportTimer);
    this.#clearTimer();
    const { log, handlers } = this.#options;
    log.event('end', { kind: end.kind, ...endFacts(end), ...this.#channel.statistics });
    this.#channel.end();
    this.#closing.abort();
    this.#socket?.close();
    this.#socket = undefined;
    if (end.kind === 'failed') {
      // The session may live on at the agent; end it there too.
      this.#cleanup = this.#terminateByApi();
    }
    handlers.onEnd(end);
    for (const listener of this.#endListeners) listener();
  }
}

/** A socket that closed before anything came of it, as the error of an attempt. */
function closedAtOnce({ code, reason }: { code: number; reason: string }): GatewayOpenError {
  const why = reason === '' ? '' : ` ${reason}`;
  // A policy violation is how the gateway refuses a token; the rest may be the network.
  return new GatewayOpenError(
    `the message gateway closed the connection with ${code}${why}`,
    code === 1008 ? 403 : undefined,
  );
}

/** What the log tells of an end. */
function endFacts(end: SessionEnd): Record<string, unknown> {
  switch (end.kind) {
    case 'failed':
      return { reason: errorLine(end.error) };
    case 'closed-by-service':
      return { reason: printable(end.output), isIncomplete: end.isIncomplete };
    case 'ended-here':
      return {};
    default:
      return end satisfies never;
  }
}

async function delay(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
