import type { Socket } from 'node:net';
import { DevaccessError } from '../../platform/errors.ts';
import { SmuxFramingError } from '../protocol/smux/frame.ts';
import { SmuxSession } from '../protocol/smux/smux-session.ts';
import { resetSocket } from './reset-socket.ts';
import type { TunnelLink, TunnelPlumbing } from './tunnel.ts';

/** Bytes of one connection that may wait to be sent before its source is paused. */
const UPLOAD_BYTES = 256 * 1024;
/**
 * Bytes that may wait for one local connection to take them. smux has no windows: past this the
 * whole session must stop reading, so it is generous.
 */
const DOWNLOAD_BYTES = 8 * 1024 * 1024;
/** A connection that takes nothing for so long, while it holds up all the others, is reset. */
const STUCK_MS = 30_000;
const STUCK_CHECK_MS = 250;
/**
 * After the local side has half-closed: how long the far end may stay silent before the stream is
 * closed. FIN closes both ways at the agent, so it must not go out while an answer may come.
 */
const HALF_CLOSED_SILENCE_MS = 10_000;
const TAKE_BYTES = 64 * 1024;

interface Connection {
  readonly socket: Socket;
  readonly streamId: number;
  hasReceived: boolean;
  silenceTimer: NodeJS.Timeout | undefined;
  /** Runs while the connection has too much waiting for it. */
  fullTimer: NodeJS.Timeout | undefined;
}

export interface MuxTunnelOptions {
  keepAlive: boolean;
  onRefused: () => void;
}

/** Many local connections over one session: a smux stream for each. */
export class MuxTunnel implements TunnelPlumbing {
  readonly bytes = { up: 0, down: 0 };
  readonly #link: TunnelLink;
  readonly #options: MuxTunnelOptions;
  readonly #smux: SmuxSession;
  readonly #connections = new Map<number, Connection>();
  #refusals = 0;
  #fullConnections = 0;
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

  attach(socket: Socket): void {
    const streamId = this.#smux.openStream();
    const connection: Connection = {
      socket,
      streamId,
      hasReceived: false,
      silenceTimer: undefined,
      fullTimer: undefined,
    };
    this.#connections.set(streamId, connection);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#localData(connection, chunk));
    socket.on('end', () => this.#watchSilence(connection));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#localClosed(connection));
    socket.resume();
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
      if (connection === undefined) continue;
      if (event.type === 'data') this.#remoteData(connection, event.data);
      else this.#remoteFinished(connection);
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
    for (const { socket } of this.#connections.values()) resetSocket(socket);
  }

  #localData(connection: Connection, chunk: Buffer): void {
    const { socket, streamId } = connection;
    this.bytes.up += chunk.length;
    this.#smux.write(streamId, chunk);
    if (this.#smux.queuedBytes(streamId) >= UPLOAD_BYTES) socket.pause();
    this.#send();
  }

  #send(): void {
    while (this.#link.wantsInput && this.#smux.hasBytes) {
      this.#link.sendInput(Buffer.concat(this.#smux.takeBytes(TAKE_BYTES)));
    }
    for (const { socket, streamId } of this.#connections.values()) {
      if (socket.isPaused() && this.#smux.queuedBytes(streamId) < UPLOAD_BYTES / 2) socket.resume();
    }
  }

  #remoteData(connection: Connection, data: Buffer): void {
    const { socket } = connection;
    connection.hasReceived = true;
    if (connection.silenceTimer !== undefined) this.#watchSilence(connection);
    if (!socket.writable) return;
    this.bytes.down += data.length;
    socket.write(data);
    if (socket.writableLength >= DOWNLOAD_BYTES && connection.fullTimer === undefined) {
      this.#fullConnections += 1;
      this.#link.setSinkFull(true);
      this.#watchFull(connection);
    }
  }

  /** Until half of what waits was taken; nothing more is read meanwhile. */
  #watchFull(connection: Connection): void {
    const { socket } = connection;
    let waiting = socket.writableLength;
    let movedAtMs = performance.now();
    connection.fullTimer = setInterval(() => {
      if (socket.writableLength < DOWNLOAD_BYTES / 2) {
        this.#noLongerFull(connection);
      } else if (socket.writableLength < waiting) {
        waiting = socket.writableLength;
        movedAtMs = performance.now();
      } else if (performance.now() - movedAtMs >= STUCK_MS) {
        resetSocket(socket);
      }
    }, STUCK_CHECK_MS);
  }

  #noLongerFull(connection: Connection): void {
    if (connection.fullTimer === undefined) return;
    clearInterval(connection.fullTimer);
    connection.fullTimer = undefined;
    this.#fullConnections -= 1;
    if (this.#fullConnections === 0) this.#link.setSinkFull(false);
  }

  /** The far end closed the stream. One that never spoke, after a refusal, was the refused one. */
  #remoteFinished(connection: Connection): void {
    const { socket, streamId } = connection;
    this.#forget(connection);
    this.#connections.delete(streamId);
    if (!connection.hasReceived && this.#refusals > 0) {
      this.#refusals -= 1;
      this.#options.onRefused();
      resetSocket(socket);
    } else {
      socket.end(() => socket.destroySoon());
    }
  }

  #watchSilence(connection: Connection): void {
    clearTimeout(connection.silenceTimer);
    connection.silenceTimer = setTimeout(() => {
      // Our FIN closes both ways at the agent: nothing comes after it.
      connection.socket.end(() => connection.socket.destroySoon());
    }, HALF_CLOSED_SILENCE_MS);
  }

  #localClosed(connection: Connection): void {
    this.#forget(connection);
    if (!this.#connections.delete(connection.streamId)) return;
    this.#smux.finish(connection.streamId);
    this.#send();
  }

  #forget(connection: Connection): void {
    clearTimeout(connection.silenceTimer);
    this.#noLongerFull(connection);
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
