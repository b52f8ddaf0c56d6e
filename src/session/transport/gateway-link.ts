import { randomUUID } from 'node:crypto';
import type { Connections } from '../../aws/connections.ts';
import { DevaccessError, errorLine, printable } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import { CLIENT_VERSION } from '../protocol/channel/client-channel.ts';
import type { ClientChannel } from '../protocol/channel/client-channel.ts';
import { openDataChannelRequest } from '../protocol/channel/handshake.ts';
import type { SessionApi, StreamTicket } from '../session-api.ts';
import { nowMs } from './channel-pump.ts';
import type { ChannelPump } from './channel-pump.ts';
import { GatewaySocket } from './gateway-socket.ts';
import { isNetworkTrouble, ResumePlan } from './resume-plan.ts';
import { closedAtOnce, resumeFailed, sessionOver } from './session-failure.ts';
import { signedUpgradeHeaders } from './sign-upgrade.ts';
import { streamAddress } from './stream-url.ts';

/** How long a gateway that cannot be reached the first time is asked again; a person is waiting. */
const OPEN_PATIENCE_MS = 6_000;
/** A resumed connection that holds for so long is told of. */
const BACK_AFTER_MS = 1_000;
/** Close codes by which a service says that a client did not keep its rules. */
const PUSH_BACK_CODES = new Set([1008, 1013]);
/** A close so soon after a pause is about the rate too. */
const PUSH_BACK_AFTER_PAUSE_MS = 10_000;

export interface GatewayLinkOptions {
  api: SessionApi;
  sessionId: string;
  ticket: StreamTicket;
  connections: Connections;
  channel: ClientChannel;
  pump: ChannelPump;
  log: Log;
  /** Has expired credentials renewed by the person, if that can be done now; asked once an outage. */
  renewCredentials?: (() => Promise<boolean>) | undefined;
  /** The connection was lost and is being resumed, or is back. */
  onInterruption: (isInterrupted: boolean, why: string) => void;
  /** It could not be resumed; no other will come. */
  onGivenUp: (error: DevaccessError) => void;
}

/**
 * Keeps a socket to the gateway under a session: opens the first, and another with a token from
 * ResumeSession whenever one is gone (docs/protocol.md §1.5), until the session is over.
 */
export class GatewayLink {
  readonly #options: GatewayLinkOptions;
  readonly #clientId = randomUUID();
  #ticket: StreamTicket;
  /** Aborted at the end: gives up a socket that is being opened. */
  readonly #closing = new AbortController();
  /** From the loss of a connection until another one has proved good. */
  #plan: ResumePlan | undefined;
  #openedAtMs = 0;
  #progressAtOpen = 0;
  #pausedAtMs = -Infinity;
  #backTimer: NodeJS.Timeout | undefined;

  constructor(options: GatewayLinkOptions) {
    this.#options = options;
    this.#ticket = options.ticket;
  }

  /**
   * Opens the first socket; until its token has been sent it is good for another try.
   * @throws DevaccessError, GatewayOpenError
   */
  async open(): Promise<void> {
    const startMs = nowMs();
    const plan = new ResumePlan(startMs);
    for (;;) {
      await delay(plan.nextDelayMs());
      if (this.#isClosing()) return;
      try {
        await this.#connect();
        return;
      } catch (error) {
        if (this.#isClosing()) return;
        if (!isNetworkTrouble(error) || nowMs() - startMs > OPEN_PATIENCE_MS) throw error;
        const { log } = this.#options;
        log.event('open-failed', { attempt: plan.attempts, reason: errorLine(error) });
      }
    }
  }

  /** The service holds this end back. */
  paused(): void {
    this.#pausedAtMs = nowMs();
  }

  /** After a turn of the channel: progress shows that a resumed connection is back. */
  turned(): void {
    if (this.#backTimer === undefined) return;
    if (this.#options.channel.progress > this.#progressAtOpen) this.#tellBack();
  }

  /** No socket is needed any more. */
  end(): void {
    clearTimeout(this.#backTimer);
    this.#closing.abort();
  }

  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  async #connect(): Promise<void> {
    const { api, channel, pump, connections, log } = this.#options;
    const url = streamAddress(this.#ticket.streamUrl, api);
    const headers = await this.#signedHeaders(url);
    let isAdopted = false;
    let closed: { code: number; reason: string } | undefined;
    const socket = await GatewaySocket.open(
      url,
      headers,
      {
        onFrame: (frame) => {
          if (closed === undefined && !this.#isClosing()) pump.receive(frame);
        },
        onHeard: () => pump.heard(),
        onDrain: () => pump.schedule(),
        onClose: (code, reason) => {
          closed = { code, reason: printable(reason) };
          if (isAdopted) this.#lost(code, closed.reason);
        },
      },
      this.#closing.signal,
      connections,
    );
    if (this.#isClosing()) {
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
    this.#progressAtOpen = channel.progress;
    log.event('open', { host: url.host, region: api.region, ...channel.statistics });
    pump.attach(socket);
  }

  /** A failure to sign is logged, not fatal: the service still accepts unsigned clients (§1.2). */
  async #signedHeaders(url: URL): Promise<Record<string, string>> {
    const { api, log } = this.#options;
    try {
      return signedUpgradeHeaders(url, api.region, await api.credentials(), api.now);
    } catch (error) {
      log.event('sign-failed', { reason: errorLine(error) });
      return {};
    }
  }

  #lost(code: number, reason: string): void {
    if (this.#isClosing()) return;
    const { channel, pump, log, sessionId } = this.#options;
    const now = nowMs();
    const isPushBack =
      PUSH_BACK_CODES.has(code) ||
      channel.isPaused ||
      now - this.#pausedAtMs < PUSH_BACK_AFTER_PAUSE_MS;
    const openForMs = now - this.#openedAtMs;
    const isProven = ResumePlan.isProven(channel.progress - this.#progressAtOpen, openForMs);
    const why = pump.hasGivenUp
      ? 'no answer to a ping'
      : `closed with ${code}${reason === '' ? '' : ` ${reason}`}`;
    pump.detach();
    clearTimeout(this.#backTimer);
    this.#backTimer = undefined;
    log.event('lost', {
      code,
      why,
      openForMs: Math.round(openForMs),
      isPushBack,
      ...channel.statistics,
    });
    channel.connectionLost(now, isPushBack);
    if (isProven) this.#plan = undefined;
    this.#options.onInterruption(true, why);
    const refusal = closedAtOnce({ code, reason });
    if (this.#plan?.isHopeless(refusal, now) === true) {
      this.#options.onGivenUp(resumeFailed(sessionId, why, refusal));
      return;
    }
    void this.#resume(why);
  }

  /** Tries to open a new socket until it works, the session is over, or the plan gives up. */
  async #resume(why: string): Promise<void> {
    const { api, sessionId, log, onGivenUp } = this.#options;
    let plan = (this.#plan ??= new ResumePlan(nowMs()));
    let { renewCredentials } = this.#options;
    while (!this.#isClosing()) {
      await delay(plan.nextDelayMs());
      if (this.#isClosing()) return;
      try {
        log.event('resuming', { attempt: plan.attempts });
        const ticket = await api.resume(sessionId);
        if (ticket === undefined) {
          onGivenUp(sessionOver(sessionId, why));
          return;
        }
        this.#ticket = { streamUrl: this.#ticket.streamUrl, ...ticket };
        await this.#connect();
        this.#backTimer = setTimeout(() => this.#tellBack(), BACK_AFTER_MS);
        return;
      } catch (error) {
        log.event('resume-failed', { attempt: plan.attempts, reason: errorLine(error) });
        if (renewCredentials !== undefined && isExpiry(error)) {
          const renewal = renewCredentials();
          renewCredentials = undefined;
          const outcome = await renewal.catch((reason: unknown) => reason);
          if (this.#isClosing()) return;
          if (outcome === true) {
            plan = this.#plan = new ResumePlan(nowMs());
            continue;
          }
          if (outcome !== false) {
            onGivenUp(resumeFailed(sessionId, why, outcome));
            return;
          }
        }
        if (plan.isHopeless(error, nowMs())) {
          onGivenUp(resumeFailed(sessionId, why, error));
          return;
        }
      }
    }
  }

  /** The connection got something done, or held for a moment: it counts as being back. */
  #tellBack(): void {
    clearTimeout(this.#backTimer);
    this.#backTimer = undefined;
    this.#options.onInterruption(false, '');
  }
}

function isExpiry(error: unknown): boolean {
  return error instanceof DevaccessError && error.code === 'DA_CREDENTIALS_EXPIRED';
}

async function delay(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
