import type { Log } from '../../platform/log.ts';
import { hostAndPort } from '../../platform/remote-host.ts';
import { closeForwards, openForwards } from '../forward/open-forwards.ts';
import type { ForwardEvent, ForwardRequest, PortForward } from '../forward/port-forward.ts';
import type { SessionApi } from '../session-api.ts';
import { untilRenewed } from './expiry-timer.ts';
import type { Expiry } from './expiry-watch.ts';
import { RateMeter } from './rate-meter.ts';
import type { TunnelPlan } from './tunnel-plan.ts';
import type { ListenerStatus, TunnelState, TunnelStatus, UpAndDown } from './tunnel-status.ts';

export interface TunnelSetOptions {
  plans: readonly TunnelPlan[];
  apiFor: (plan: TunnelPlan) => Promise<SessionApi>;
  /** Asked again and again: whoever renews the credentials writes a file. */
  readExpiry: (profile: string | undefined) => Expiry;
  log: Log;
  onEvent: (tunnel: string, event: ForwardEvent) => void;
  /** Gives up the opening. */
  stop: AbortSignal;
}

const SAMPLE_MS = 1_000;

/** One listener of a tunnel, with what is known of it. */
interface Listener {
  request: ForwardRequest;
  forward: PortForward | undefined;
  address: string;
  meter: RateMeter;
}

interface Member {
  plan: TunnelPlan;
  phase: 'opening' | 'open' | 'closing';
  /** Open now. */
  sessionIds: Set<string>;
  listeners: Listener[];
  readyAtMs: number | undefined;
  problem: string | undefined;
  /** The last attempt to start a session did. */
  hasFailed: boolean;
}

/** The tunnels that one process carries. */
export class TunnelSet {
  readonly #options: TunnelSetOptions;
  readonly #members: Map<string, Member>;
  #opening: Promise<boolean> | undefined;
  /** Aborted when a tunnel is closed that is not open yet. */
  readonly #closing = new AbortController();
  #sampler: NodeJS.Timeout | undefined;
  #tellEnded: () => void = () => undefined;
  /** Resolves when the last tunnel has been closed. */
  readonly ended = new Promise<void>((resolve) => (this.#tellEnded = resolve));

  constructor(options: TunnelSetOptions) {
    this.#options = options;
    this.#members = new Map(
      options.plans.map((plan): [string, Member] => [
        plan.name,
        {
          plan,
          phase: 'opening',
          sessionIds: new Set(),
          listeners: plan.forwards.map((request) => ({
            request,
            forward: undefined,
            address: wantedAddress(request),
            meter: new RateMeter(),
          })),
          readyAtMs: undefined,
          problem: undefined,
          hasFailed: false,
        },
      ]),
    );
  }

  /**
   * Opens all tunnels or none: every listener is bound, and every tunnel has a session that works.
   *
   * @returns false when it was given up, by `stop` or by closing one of them
   * @throws DevaccessError of the first that failed
   */
  open(): Promise<boolean> {
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<boolean> {
    const { apiFor, log } = this.#options;
    const stop = AbortSignal.any([this.#options.stop, this.#closing.signal]);
    const wanted = await Promise.all(
      [...this.#members.values()].flatMap((member) =>
        member.listeners.map(async (listener) => ({
          api: await apiFor(member.plan),
          request: listener.request,
          log,
          renewCredentials: () => this.#renewal(member.plan),
          onEvent: (event: ForwardEvent) => this.#handle(member, listener, event),
        })),
      ),
    );
    let forwards: PortForward[];
    try {
      forwards = await openForwards(wanted, stop);
    } catch (error) {
      if (stop.aborted) return false;
      throw error;
    }
    const next = forwards.values();
    for (const member of this.#members.values()) {
      for (const listener of member.listeners) listener.forward = next.next().value;
      member.phase = 'open';
      member.readyAtMs = Date.now();
    }
    return true;
  }

  get names(): string[] {
    return [...this.#members.keys()];
  }

  /** Every tunnel as it is now, in the order of the plans. */
  get statuses(): TunnelStatus[] {
    return [...this.#members.values()].map(statusOf);
  }

  /** The rates of the last seconds of each listener of a tunnel, oldest first. */
  histories(tunnel: string): (readonly number[])[] {
    return (this.#members.get(tunnel)?.listeners ?? []).map(({ meter }) => meter.history);
  }

  /** Closes tunnels, with their connections and sessions; all, if they are just being opened. */
  async close(names: readonly string[]): Promise<void> {
    const closing = names.flatMap((name) => this.#members.get(name) ?? []);
    if (closing.some(({ phase }) => phase === 'opening')) {
      this.#closing.abort();
      await this.#opening?.catch(() => undefined);
    }
    for (const member of closing) member.phase = 'closing';
    await closeForwards(
      closing.flatMap(({ listeners }) => listeners.flatMap(({ forward }) => forward ?? [])),
    );
    for (const { plan } of closing) this.#members.delete(plan.name);
    if (this.#members.size > 0) return;
    clearInterval(this.#sampler);
    this.#tellEnded();
  }

  /** Only a person can renew an MFA session; they are told by then, and connections wait for them. */
  #renewal({ profile }: TunnelPlan): Promise<boolean> {
    const { readExpiry, stop } = this.#options;
    return untilRenewed(() => readExpiry(profile), stop);
  }

  #handle(member: Member, listener: Listener, event: ForwardEvent): void {
    switch (event.event) {
      case 'listening':
        listener.address = event.address;
        break;
      case 'connection':
        if (this.#sampler === undefined) this.#sample();
        break;
      case 'session-failed':
      case 'session-ended':
        member.problem = event.reason;
        member.hasFailed = event.event === 'session-failed';
        if (event.event === 'session-ended') member.sessionIds.delete(event.sessionId);
        break;
      case 'session-started':
        member.sessionIds.add(event.sessionId);
        member.problem = undefined;
        member.hasFailed = false;
        break;
      default:
    }
    this.#options.onEvent(member.plan.name, event);
  }

  /** Once a second while there are connections, or the last rate was not nothing; else not at all. */
  #sample(): void {
    const nowMs = performance.now();
    let isBusy = false;
    for (const { listeners } of this.#members.values()) {
      for (const { forward, meter } of listeners) {
        if (forward === undefined) continue;
        const { connections, up, down } = forward.statistics;
        meter.sample(nowMs, { up, down });
        isBusy ||= connections > 0 || meter.rate.up + meter.rate.down > 0;
      }
    }
    if (!isBusy) {
      clearInterval(this.#sampler);
      this.#sampler = undefined;
    } else {
      this.#sampler ??= setInterval(() => this.#sample(), SAMPLE_MS).unref();
    }
  }
}

function statusOf(member: Member): TunnelStatus {
  const { plan, listeners, sessionIds, readyAtMs, problem } = member;
  return {
    name: plan.name,
    state: stateOf(member),
    host: plan.host,
    target: plan.forwards[0]?.target ?? '',
    profile: plan.profile ?? null,
    region: plan.region ?? null,
    listeners: listeners.map(listenerStatus),
    sessionIds: [...sessionIds],
    since: readyAtMs === undefined ? null : new Date(readyAtMs).toISOString(),
    problem: problem ?? null,
  };
}

function stateOf({ phase, listeners, sessionIds, hasFailed }: Member): TunnelState {
  if (phase !== 'open') return phase;
  const interrupted = listeners.some(({ forward }) => (forward?.statistics.interrupted ?? 0) > 0);
  if (interrupted) return 'reconnecting';
  if (sessionIds.size > 0) return 'up';
  return hasFailed ? 'failing' : 'idle';
}

function listenerStatus({ request, forward, address, meter }: Listener): ListenerStatus {
  const { connections, up, down } = forward?.statistics ?? NOTHING;
  return {
    listen: address,
    remote: hostAndPort(request.remoteHost ?? 'localhost', request.port),
    connections,
    bytes: { up, down },
    rate: rounded(meter.rate),
  };
}

const NOTHING = { connections: 0, up: 0, down: 0 };

function rounded({ up, down }: UpAndDown): UpAndDown {
  return { up: Math.round(up), down: Math.round(down) };
}

function wantedAddress({ listen }: ForwardRequest): string {
  return 'unixPath' in listen ? listen.unixPath : hostAndPort(listen.host, listen.port);
}
