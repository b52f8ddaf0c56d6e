import type { Socket } from 'node:net';
import { resetSocket } from './reset-socket.ts';
import type { StartedTunnel } from './tunnel.ts';

/** The most that one forward opens. */
const MAX_SESSIONS = 8;
/** Connections that may wait while a session starts. */
const MAX_WAITING = 1024;
/** After a session could not be started, the others serve alone for so long. */
const GROW_AGAIN_MS = 30_000;

export interface TunnelPoolOptions {
  /** A number is kept, or restored with the next connection; `auto` grows with the connections. */
  sessions: number | 'auto';
  /** Starts one more session; `signal` gives it up. */
  start: (signal: AbortSignal) => Promise<StartedTunnel>;
  /** One that was not waited for could not be started. */
  onFailed: (error: unknown) => void;
}

/**
 * The sessions of one forward, and which of them carries a connection: the one with the fewest. One
 * that is held up gets no new connections, and another is started in its place.
 */
export class TunnelPool {
  readonly #options: TunnelPoolOptions;
  readonly #tunnels = new Set<StartedTunnel>();
  readonly #starting = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #waiting: Socket[] = [];
  #growAgainAtMs = -Infinity;

  constructor(options: TunnelPoolOptions) {
    this.#options = options;
  }

  get tunnels(): readonly StartedTunnel[] {
    return [...this.#tunnels];
  }

  /** Starts the first session, or all that were asked for. @throws DevaccessError of one of them */
  async open(): Promise<void> {
    const { sessions } = this.#options;
    await Promise.all(
      Array.from({ length: sessions === 'auto' ? 1 : sessions }, () => this.#add()),
    );
  }

  /** Takes over a local connection; it waits, paused, for a session where none is there. */
  take(socket: Socket): void {
    if (this.#waiting.length >= MAX_WAITING) {
      resetSocket(socket);
      return;
    }
    this.#waiting.push(socket);
    this.#distribute();
  }

  /** A session is over. */
  delete(tunnel: StartedTunnel): void {
    this.#tunnels.delete(tunnel);
  }

  /** Ends every session, also those being started. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#tunnels].map((tunnel) => tunnel.close()));
  }

  #distribute(): void {
    this.#grow();
    for (const socket of this.#waiting.splice(0)) {
      const place = socket.destroyed ? undefined : this.#placeFor();
      if (place !== undefined) place.tunnel.attach(socket);
      else if (!socket.destroyed) this.#waiting.push(socket);
    }
  }

  /** Undefined where it is better to wait for a session that is being started. */
  #placeFor(): StartedTunnel | undefined {
    const isComing = this.#starting.size > 0;
    const healthy = this.tunnels.filter(({ isHeldUp }) => !isHeldUp);
    const [best] = (healthy.length === 0 && !isComing ? this.tunnels : healthy).toSorted(
      (left, right) => left.tunnel.connections - right.tunnel.connections,
    );
    if (best === undefined) return undefined;
    const { connections, fairShare } = best.tunnel;
    const isCrowded = this.#options.sessions === 'auto' && connections >= fairShare;
    return isCrowded && isComing ? undefined : best;
  }

  #grow(): void {
    const hasOthers = this.#tunnels.size > 0;
    if (hasOthers && performance.now() < this.#growAgainAtMs) return;
    const missing = this.#wantedSessions() - this.#tunnels.size - this.#starting.size;
    for (let count = 0; count < missing; count += 1) {
      this.#add().catch((error: unknown) => this.#notStarted(error));
    }
  }

  #wantedSessions(): number {
    const { sessions } = this.#options;
    const heldUp = this.tunnels.filter(({ isHeldUp }) => isHeldUp).length;
    const wanted = sessions === 'auto' ? this.#sessionsForLoad() : sessions;
    return Math.min(MAX_SESSIONS, Math.max(1, wanted) + heldUp);
  }

  #sessionsForLoad(): number {
    const [first] = this.tunnels;
    const open = this.tunnels.reduce((sum, { tunnel }) => sum + tunnel.connections, 0);
    return Math.ceil((open + this.#waiting.length) / (first?.tunnel.fairShare ?? Infinity));
  }

  async #add(): Promise<void> {
    const started = this.#start();
    this.#starting.add(started);
    try {
      await started;
    } finally {
      this.#starting.delete(started);
    }
    this.#distribute();
  }

  async #start(): Promise<void> {
    const tunnel = await this.#options.start(this.#closing.signal);
    this.#tunnels.add(tunnel);
  }

  #notStarted(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#growAgainAtMs = performance.now() + GROW_AGAIN_MS;
    this.#options.onFailed(error);
    // Those that can go through another session do; the others are told.
    if (this.#tunnels.size > 0 || this.#starting.size > 0) this.#distribute();
    else for (const socket of this.#waiting.splice(0)) resetSocket(socket);
  }
}
