import type { Socket } from 'node:net';
import { DevaccessError } from '../../platform/errors.ts';
import { SmuxFramingError } from '../protocol/smux/frame.ts';
import { SmuxSession } from '../protocol/smux/smux-session.ts';
import { DownloadBacklog } from './download-backlog.ts';
import { resetSocket } from './reset-socket.ts';
import type { TunnelLink, TunnelPlumbing } from './tunnel.ts';

/** Bytes of one connection that may wait to be sent before its source is paused. */
const UPLOAD_BYTES = 256 * 1024;
const BACKLOG_CHECK_MS = 500;
/** A session that takes nothing, or is not read, for so long is no place for new connections. */
const HELD_UP_MS = 1_000;
/**
 * After the local side has half-closed: how long the far end may stay silent before the stream is
 * closed. FIN closes both ways at the agent, so it must not go out while an answer may come.
 */
const HALF_CLOSED_SILENCE_MS = 10_000;
/** How often that waits once more for what others have under way, too: it may be this stream's. */
const UNDRAINED_WAITS = 3;
const TAKE_BYTES = 64 * 1024;

interface Connection {
  readonly socket: Socket;
  readonly streamId: number;
  hasReceived: boolean;
  silenceTimer: NodeJS.Timeout | undefined;
  undrainedWaits: number;
}

export interface MuxTunnelOptions {
  keepAlive: boolean;
  /** The destination refused a connection; it was reset. */
  onRefused: () => void;
  onMessage: (text: string) => void;
}

/** Many local connections over one session: a smux stream for each. */
export class MuxTunnel implements TunnelPlumbing {
  readonly bytes = { up: 0, down: 0 };
  readonly fairShare = 4;
  readonly #link: TunnelLink;
  readonly #options: MuxTunnelOptions;
  readonly #smux: SmuxSession;
  readonly #connections = new Map<number, Connection>();
  /** Whose source is paused until its bytes have gone out. */
  readonly #paused = new Set<Connection>();
  readonly #backlog = new DownloadBacklog<Socket>();
  /** Destinations refused whose streams the agent has not closed yet. */
  #refusals = 0;
  /** Streams closed here before the far end said anything. */
  readonly #givenUp = new Set<number>();
  /** Since when too much waits for local connections, so that the session is not read. */
  #heldSinceMs: number | undefined;
  /** When the session last took bytes. */
  #hadRoomAtMs = performance.now();
  #backlogTimer: NodeJS.Timeout | undefined;
  #keepAliveTimer: NodeJS.Timeout | undefined;

  constructor(link: TunnelLink, options: MuxTunnelOptions) {
    this.#link = link;
    this.#options = options;
    this.#smux = new SmuxSession({ nowMs: performance.now(), keepAlive: options.keepAlive });
    this.#scheduleKeepAlive();
  }

  get connections(): number {
    return this.#connections.size;
  }

  get isHeldUp(): boolean {
    const since = this.#heldSinceMs ?? (this.#link.wantsInput ? undefined : this.#hadRoomAtMs);
    return since !== undefined && performance.now() - since >= HELD_UP_MS;
  }

  attach(socket: Socket): void {
    const streamId = this.#smux.openStream();
    const connection: Connection = {
      socket,
      streamId,
      hasReceived: false,
      silenceTimer: undefined,
      undrainedWaits: 0,
    };
    this.#connections.set(streamId, connection);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#localData(connection, chunk));
    socket.on('end', () => this.#watchSilence(connection));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#localClosed(connection));
    socket.resume();
    this.#backlog.wants(socket, performance.now());
    this.#send();
  }

  receive(payload: Buffer): void {
    try {
      this.#smux.receive(payload);
    } catch (error) {
      if (!(error instanceof SmuxFramingError)) throw error;
      this.#link.abort(
        new DevaccessError('DA_PROTOCOL', `The agent broke the multiplexing: ${error.message}.`),
      );
      return;
    }
    for (const event of this.#smux.takeEvents()) {
      const connection = this.#connections.get(event.streamId);
      if (event.type === 'finished') this.#remoteFinished(event.streamId, connection);
      else if (connection !== undefined) this.#remoteData(connection, event.data);
    }
    this.#send();
  }

  connectToPortError(): void {
    this.#refusals += 1;
  }

  wantsInput(): void {
    this.#send();
  }

  end(): void {
    clearTimeout(this.#keepAliveTimer);
    clearInterval(this.#backlogTimer);
    for (const { socket } of this.#connections.values()) resetSocket(socket);
  }

  #localData(connection: Connection, chunk: Buffer): void {
    const { socket, streamId } = connection;
    this.bytes.up += chunk.length;
    this.#smux.write(streamId, chunk);
    if (this.#smux.queuedBytes(streamId) >= UPLOAD_BYTES) {
      socket.pause();
      this.#paused.add(connection);
    }
    this.#backlog.wants(socket, performance.now());
    this.#send();
  }

  #send(): void {
    if (this.#link.wantsInput) this.#hadRoomAtMs = performance.now();
    while (this.#link.wantsInput && this.#smux.hasBytes) {
      this.#link.sendInput(Buffer.concat(this.#smux.takeBytes(TAKE_BYTES)));
    }
    for (const connection of this.#paused) {
      if (this.#smux.queuedBytes(connection.streamId) >= UPLOAD_BYTES / 2) continue;
      this.#paused.delete(connection);
      connection.socket.resume();
    }
  }

  #remoteData(connection: Connection, data: Buffer): void {
    const { socket } = connection;
    connection.hasReceived = true;
    if (connection.silenceTimer !== undefined) this.#watchSilence(connection);
    if (!socket.writable) return;
    this.bytes.down += data.length;
    // What waits is copied: it would keep the whole chunk that it came in.
    const piece = socket.writableLength > 0 ? Buffer.from(data) : data;
    const cost = DownloadBacklog.cost(piece);
    this.#backlog.add(socket, cost, performance.now());
    socket.write(piece, () => {
      this.#backlog.taken(socket, cost, performance.now());
      this.#holdWhileFull();
    });
    this.#holdWhileFull();
  }

  /** While too much waits for local connections, nothing more is read. */
  #holdWhileFull(): void {
    const { isFull } = this.#backlog;
    if (isFull === (this.#heldSinceMs !== undefined)) return;
    this.#heldSinceMs = isFull ? performance.now() : undefined;
    this.#link.setSinkFull(isFull);
    clearInterval(this.#backlogTimer);
    if (isFull) this.#backlogTimer = setInterval(() => this.#checkBacklog(), BACKLOG_CHECK_MS);
  }

  #checkBacklog(): void {
    const socket = this.#backlog.check(performance.now());
    if (socket === undefined) return;
    this.#options.onMessage(
      'A connection that takes too little held up all others in its session, and was reset. With --sessions others can go around it.',
    );
    resetSocket(socket);
  }

  /** The far end closed a stream. One that never spoke, after a refusal, was the refused one. */
  #remoteFinished(streamId: number, connection: Connection | undefined): void {
    const hasReceived = connection?.hasReceived ?? !this.#givenUp.delete(streamId);
    const isRefused = !hasReceived && this.#refusals > 0;
    if (isRefused) {
      this.#refusals -= 1;
      this.#options.onRefused();
    }
    if (connection === undefined) return;
    const { socket } = connection;
    this.#forget(connection);
    this.#connections.delete(streamId);
    this.#backlog.finish(socket);
    this.#holdWhileFull();
    if (isRefused) resetSocket(socket);
    else socket.end(() => socket.destroySoon());
  }

  #watchSilence(connection: Connection): void {
    const { socket, streamId } = connection;
    clearTimeout(connection.silenceTimer);
    connection.silenceTimer = setTimeout(() => {
      // What has not arrived yet cannot have been answered.
      const isWaiting = !this.#link.isDrained && connection.undrainedWaits < UNDRAINED_WAITS;
      if (isWaiting) connection.undrainedWaits += 1;
      if (isWaiting || this.#smux.queuedBytes(streamId) > 0) this.#watchSilence(connection);
      // Our FIN closes both ways at the agent: nothing comes after it.
      else socket.end(() => socket.destroySoon());
    }, HALF_CLOSED_SILENCE_MS);
  }

  #localClosed(connection: Connection): void {
    const { socket, streamId, hasReceived } = connection;
    this.#backlog.remove(socket, performance.now());
    this.#holdWhileFull();
    this.#forget(connection);
    if (!this.#connections.delete(streamId)) return;
    if (!hasReceived) this.#givenUp.add(streamId);
    this.#smux.finish(streamId);
    this.#send();
  }

  #forget(connection: Connection): void {
    clearTimeout(connection.silenceTimer);
    this.#paused.delete(connection);
  }

  #scheduleKeepAlive(): void {
    const { deadlineMs } = this.#smux;
    if (deadlineMs === undefined) return;
    this.#keepAliveTimer = setTimeout(
      () => {
        this.#smux.keepAlive(performance.now());
        this.#send();
        this.#scheduleKeepAlive();
      },
      Math.max(1, deadlineMs - performance.now()),
    );
  }
}
