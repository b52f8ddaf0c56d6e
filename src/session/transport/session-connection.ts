import { randomBytes, randomUUID } from 'node:crypto';
import { Connections } from '../../aws/connections.ts';
import { errorLine, printable } from '../../platform/errors.ts';
import type { DevaccessError } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import { isLoopbackHost } from '../../platform/loopback.ts';
import { ClientChannel } from '../protocol/channel/client-channel.ts';
import type { ChannelEvent, SessionFacts } from '../protocol/channel/channel-event.ts';
import type { Pace } from '../protocol/channel/token-bucket.ts';
import { windowUpTo } from '../protocol/channel/send-window.ts';
import { FLAG } from '../protocol/message/constants.ts';
import type { Flow } from '../flow.ts';
import type { SessionApi, StreamTicket } from '../session-api.ts';
import { ChannelPump, nowMs } from './channel-pump.ts';
import { GatewayLink } from './gateway-link.ts';
import type { GatewayLinkOptions } from './gateway-link.ts';
import { channelFailed, dataKeyFailed, handshakeTimedOut } from './session-failure.ts';
import { streamAddress } from './stream-url.ts';

/** What the service tolerates from one session, with a margin (docs/protocol.md §4). */
export const DEFAULT_PACE: Pace = { perSecond: 900, burst: 900 };

/** The agent waits 15 s for each answer of the handshake; nothing later will come. */
const HANDSHAKE_TIMEOUT_MS = 30_000;
/** A shell says something within a second or two; what stays silent longer may wait for input. */
const NO_HANDSHAKE_AFTER_MS = 3_000;
/** How long the API may take to end a session when there is nothing else left to do. */
const TERMINATE_TIMEOUT_MS = 5_000;
const REPORT_EVERY_MS = 10_000;
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
  flow?: Flow | undefined;
  renewCredentials?: GatewayLinkOptions['renewCredentials'];
  /** The session's type may do without a handshake, so that silence is no failure (§7.10). */
  isHandshakeOptional?: boolean;
}

/**
 * One session from its opening to its end: the channel, the link that keeps a socket under it, and
 * what its owner is told of both.
 */
export class SessionConnection {
  readonly #options: SessionConnectionOptions;
  readonly #channel: ClientChannel;
  readonly #pump: ChannelPump;
  readonly #link: GatewayLink;
  #isEnded = false;
  #handshakeTimer: NodeJS.Timeout | undefined;
  #silenceTimer: NodeJS.Timeout | undefined;
  #cleanup: Promise<void> | undefined;
  #reportTimer: NodeJS.Timeout | undefined;
  #reportedProgress = 0;
  readonly #endListeners: (() => void)[] = [];

  /** @throws DevaccessError DA_STREAM_URL */
  constructor(options: SessionConnectionOptions) {
    this.#options = options;
    const { api, ticket, handlers } = options;
    const url = streamAddress(ticket.streamUrl, api);
    const { pace = isLoopbackHost(url.hostname) ? 'off' : DEFAULT_PACE, windowBytes } =
      options.flow ?? {};
    this.#channel = new ClientChannel({
      nowMs: nowMs(),
      randomUuid: randomUUID,
      randomNonce: () => randomBytes(12),
      ...(pace === 'off' ? {} : { pace }),
      ...(windowBytes === undefined ? {} : { window: windowUpTo(windowBytes) }),
    });
    this.#pump = new ChannelPump(this.#channel, {
      onTurn: () => this.#takeTurn(),
      onAwake: (lateByMs) => options.log.event('was-asleep', { forMs: lateByMs }),
    });
    this.#link = new GatewayLink({
      ...options,
      connections: options.connections ?? new Connections(process.env),
      channel: this.#channel,
      pump: this.#pump,
      onInterruption: (isInterrupted, why) => handlers.onInterruption(isInterrupted, why),
      onGivenUp: (error) => this.#fail(error),
    });
  }

  /** Opens the data channel for the first time. @throws DevaccessError, GatewayOpenError */
  async open(): Promise<void> {
    await this.#link.open();
    if (this.#isEnded) return;
    this.#handshakeTimer = setTimeout(() => {
      if (this.#channel.progress > 0 && this.#channel.isReady) return;
      this.#fail(handshakeTimedOut(this.#options.target, HANDSHAKE_TIMEOUT_MS));
    }, HANDSHAKE_TIMEOUT_MS);
    if (this.#options.isHandshakeOptional === true) {
      this.#silenceTimer = setTimeout(() => {
        this.#channel.assumeReady();
        this.#pump.schedule();
      }, NO_HANDSHAKE_AFTER_MS);
    }
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

  /** Tells the agent the terminal's size; before a handshake the agent may forget it again. */
  sendSize(cols: number, rows: number): void {
    if (this.#isEnded) return;
    this.#channel.sendSize(cols, rows, nowMs());
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
   * the agent obeys it (port sessions of newer ones), else with the API. Resolves when it is done or `graceMs` have passed.
   */
  async terminate(graceMs: number): Promise<void> {
    if (this.#isEnded) return;
    const isFlagUsable =
      this.#pump.isAttached &&
      this.#channel.isReady &&
      !this.#channel.isPaused &&
      this.#channel.session.sessionType === 'Port' &&
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

  #takeTurn(): void {
    const { handlers } = this.#options;
    for (const event of this.#channel.takeEvents()) {
      this.#handle(event);
      if (this.#hasEnded()) return;
    }
    this.#link.turned();
    if (this.#channel.wantsInput) handlers.onWantsInput();
  }

  #handle(event: ChannelEvent): void {
    const { handlers, log } = this.#options;
    switch (event.type) {
      case 'ready':
        // One that was only assumed is no sign of life yet.
        if (this.#channel.progress > 0) clearTimeout(this.#handshakeTimer);
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
        this.#link.paused();
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
    clearTimeout(this.#silenceTimer);
    clearInterval(this.#reportTimer);
    const { log, handlers } = this.#options;
    log.event('end', { kind: end.kind, ...endFacts(end), ...this.#channel.statistics });
    this.#channel.end();
    this.#link.end();
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
