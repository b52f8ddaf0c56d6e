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
import { ChannelPump, nowMs } from './channel-pump.ts';
import { GatewaySocket } from './gateway-socket.ts';
import { ResumePlan } from './resume-plan.ts';
import {
  channelFailed,
  closedAtOnce,
  dataKeyFailed,
  handshakeTimedOut,
  resumeFailed,
  sessionOver,
} from './session-failure.ts';
import { signedUpgradeHeaders } from './sign-upgrade.ts';
import { checkStreamUrl } from './stream-url.ts';

/** What the service tolerates from one session, with a margin (docs/protocol.md §4). */
export const DEFAULT_PACE: Pace = { perSecond: 900, burst: 900 };

/** The agent waits 15 s for each answer of the handshake; nothing later will come. */
const HANDSHAKE_TIMEOUT_MS = 30_000;
/** How long the API may take to end a session when there is nothing else left to do. */
const TERMINATE_TIMEOUT_MS = 5_000;
/** A resumed connection that holds for so long is told of. */
const BACK_AFTER_MS = 1_000;
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

/**
 * Keeps one session's channel on a socket: opens the gateway, resumes on a new socket whenever the
 * old one is gone (docs/protocol.md §1.5), and tells its owner what happens on the channel.
 */
export class SessionConnection {
  readonly #options: SessionConnectionOptions;
  readonly #channel: ClientChannel;
  readonly #pump: ChannelPump;
  readonly #clientId = randomUUID();
  #ticket: StreamTicket;
  #isEnded = false;
  #handshakeTimer: NodeJS.Timeout | undefined;
  #cleanup: Promise<void> | undefined;
  /** Aborted at the end: gives up a socket that is being opened. */
  readonly #closing = new AbortController();
  readonly #connections: Connections;
  /** From the loss of a connection until another one has proved good. */
  #plan: ResumePlan | undefined;
  #openedAtMs = 0;
  #progressAtOpen = 0;
  #pausedAtMs = -Infinity;
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
    this.#pump = new ChannelPump(this.#channel, {
      onTurn: () => this.#takeTurn(),
      onAwake: (lateByMs) => options.log.event('was-asleep', { forMs: lateByMs }),
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

  /** Output is missing in the middle; what came after it waits. */
  get hasGap(): boolean {
    return this.#channel.hasGap;
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
    this.#pump.schedule();
  }

  /** Basic port forwarding: the local connection has closed, the agent is to close its own. */
  sendDisconnect(): void {
    if (!this.#channel.isReady) return;
    this.#channel.sendFlag(FLAG.disconnectToPort, nowMs());
    this.#pump.schedule();
  }

  /** The local sink is full (true) or takes output again (false). */
  setSinkFull(isFull: boolean): void {
    this.#pump.setSinkFull(isFull);
  }

  /**
   * Ends the session at the agent: with the TerminateSession flag where the channel is open and
   * the agent knows it, else with the API. Resolves when it is done or `graceMs` have passed.
   */
  async terminate(graceMs: number): Promise<void> {
    if (this.#isEnded) return;
    const isFlagUsable =
      this.#pump.isAttached &&
      this.#channel.isReady &&
      !this.#channel.isPaused &&
      this.#channel.session.abilities.terminateSessionFlag;
    if (isFlagUsable) {
      this.#channel.sendFlag(FLAG.terminateSession, nowMs());
      this.#pump.schedule();
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
          if (closed === undefined && !this.#isEnded) this.#pump.receive(frame);
        },
        onHeard: () => this.#pump.heard(),
        onDrain: () => this.#pump.schedule(),
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
    this.#openedAtMs = nowMs();
    this.#progressAtOpen = this.#channel.progress;
    log.event('open', { host: url.host, region: api.region, ...this.#channel.statistics });
    this.#pump.attach(socket);
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
    const why = this.#pump.hasGivenUp
      ? 'no answer to a ping'
      : `closed with ${code}${reason === '' ? '' : ` ${reason}`}`;
    this.#pump.detach();
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

  #takeTurn(): void {
    const { handlers } = this.#options;
    for (const event of this.#channel.takeEvents()) {
      this.#handle(event);
      if (this.#hasEnded()) return;
    }
    if (this.#backTimer !== undefined && this.#channel.progress > this.#progressAtOpen) {
      this.#tellBack();
    }
    if (this.#channel.wantsInput) handlers.onWantsInput();
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
      this.#pump.schedule();
    } catch (error) {
      this.#channel.refuseDataKey('the client could not get a data key', nowMs());
      this.#pump.writeFrames();
      this.#fail(dataKeyFailed(error));
    }
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
    const { log, handlers } = this.#options;
    log.event('end', { kind: end.kind, ...endFacts(end), ...this.#channel.statistics });
    this.#channel.end();
    this.#closing.abort();
    this.#pump.stop();
    if (end.kind === 'failed') {
      // The session may live on at the agent; end it there too.
      this.#cleanup = this.#terminateByApi();
    }
    handlers.onEnd(end);
    for (const listener of this.#endListeners) listener();
  }
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
