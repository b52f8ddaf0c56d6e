import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { DevaccessError, errorLine, printable } from '../../platform/errors.ts';
import { errorCode } from '../../platform/file-errors.ts';
import type { Log } from '../../platform/log.ts';
import { hostAndPort } from '../../platform/remote-host.ts';
import { listenOnUnixSocket } from '../../platform/unix-listener.ts';
import type { Flow } from '../flow.ts';
import { portUnreachable } from '../port-unreachable.ts';
import type { SessionApi } from '../session-api.ts';
import { endError, startTunnel } from './tunnel.ts';
import type { StartedTunnel } from './tunnel.ts';
import { TunnelPool } from './tunnel-pool.ts';

/** One forward as a person asks for it. */
export interface ForwardRequest {
  /** Node that the session runs on. */
  target: string;
  /** Port on the node, or on `remoteHost`. */
  port: number;
  /** A host that the node reaches; without it the node itself. */
  remoteHost?: string | undefined;
  listen: { unixPath: string } | { host: string; port: number };
  /** Sessions to spread connections over; `auto`: one for every four connections, up to 8. */
  sessions: number | 'auto';
  /** How fast each of them sends. */
  flow?: Flow;
}

export type ForwardEvent =
  | { event: 'listening'; address: string; port?: number; target: string; remote: string }
  | { event: 'connection'; open: number }
  | { event: 'closed-connection'; open: number }
  | { event: 'refused'; remote: string; error: { code: string; message: string; next: string } }
  | { event: 'reconnecting'; why: string }
  | { event: 'reconnected' }
  | { event: 'session-started'; sessionId: string }
  | { event: 'session-ended'; sessionId: string; reason: string }
  | { event: 'session-failed'; reason: string }
  | { event: 'message'; text: string }
  | { event: 'closed' };

export interface PortForwardOptions {
  api: SessionApi;
  request: ForwardRequest;
  log: Log;
  onEvent: (event: ForwardEvent) => void;
  /** Waits until credentials that expired in the middle of a session are good again. */
  renewCredentials?: () => Promise<boolean>;
  /** Gives up an opening that is under way. */
  signal: AbortSignal;
}

export interface ForwardStatistics {
  /** Sessions whose connection is lost and being resumed. */
  interrupted: number;
  /** Open local connections. */
  connections: number;
  up: number;
  down: number;
}

/** As many may come at the same moment: a browser, a connection pool, a load test. */
const LISTEN_BACKLOG = 1024;

/**
 * A local listener and the sessions behind it. The listener is bound before a session starts, so
 * that a busy port leaves none behind; it outlives its sessions: when one is gone, a new one is
 * started for the next connection.
 */
export class PortForward {
  readonly #options: PortForwardOptions;
  readonly #server: Server;
  readonly #pool: TunnelPool;
  readonly #sockets = new Set<Socket>();
  #interrupted = 0;
  /** By sessions that are over. */
  readonly #carried = { up: 0, down: 0 };
  #isClosed = false;

  private constructor(options: PortForwardOptions) {
    this.#options = options;
    const { onEvent, request, signal } = options;
    this.#pool = new TunnelPool({
      sessions: request.sessions,
      start: (closing) => this.#start(AbortSignal.any([closing, signal])),
      onFailed: (error) => onEvent({ event: 'session-failed', reason: errorLine(error) }),
    });
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      this.#accept(socket);
    });
  }

  /**
   * Binds the listener, then starts the first session (all of them when a number was asked for).
   * @throws DevaccessError DA_PORT_BUSY, DA_LISTEN, or the session's own
   */
  static async open(options: PortForwardOptions): Promise<PortForward> {
    const forward = new PortForward(options);
    await forward.#listen();
    try {
      await forward.#pool.open();
    } catch (error) {
      await forward.close();
      throw error;
    }
    forward.#announce();
    return forward;
  }

  /** What is open now, and the bytes carried up and down since the start. */
  get statistics(): ForwardStatistics {
    const { tunnels } = this.#pool;
    const bytes = [this.#carried, ...tunnels.map(({ tunnel }) => tunnel.bytes)];
    return {
      interrupted: this.#interrupted,
      connections: this.#sockets.size,
      up: bytes.reduce((total, { up }) => total + up, 0),
      down: bytes.reduce((total, { down }) => total + down, 0),
    };
  }

  /** Closes the listener, its connections and its sessions. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    await this.#pool.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#options.onEvent({ event: 'closed' });
  }

  async #listen(): Promise<void> {
    const { listen } = this.#options.request;
    const isUnix = 'unixPath' in listen;
    const where = isUnix ? listen.unixPath : hostAndPort(listen.host, listen.port);
    try {
      if (isUnix) await listenOnUnixSocket(this.#server, listen.unixPath);
      else {
        this.#server.listen({ ...listen, backlog: LISTEN_BACKLOG });
        await once(this.#server, 'listening');
      }
    } catch (error) {
      throw listenError(error, where);
    }
    this.#server.on('error', (error) => {
      this.#options.log.event('listener', { reason: errorLine(error) });
    });
  }

  #announce(): void {
    const { target, port, remoteHost } = this.#options.request;
    const remote = hostAndPort(remoteHost ?? 'localhost', port);
    const address = this.#server.address();
    const local =
      typeof address === 'object' && address !== null
        ? { address: hostAndPort(address.address, address.port), port: address.port }
        : { address: address ?? '' };
    this.#options.onEvent({ event: 'listening', ...local, target, remote });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#options.onEvent({ event: 'closed-connection', open: this.#sockets.size });
    });
    this.#options.onEvent({ event: 'connection', open: this.#sockets.size });
    this.#pool.take(socket);
  }

  async #start(signal: AbortSignal): Promise<StartedTunnel> {
    const { api, log, onEvent, renewCredentials, request } = this.#options;
    let isInterrupted = false;
    const setInterrupted = (value: boolean): void => {
      this.#interrupted += Number(value) - Number(isInterrupted);
      isInterrupted = value;
    };
    const started: StartedTunnel = await startTunnel({
      api,
      log,
      signal,
      flow: request.flow,
      renewCredentials,
      request: {
        target: request.target,
        documentName:
          request.remoteHost === undefined
            ? 'AWS-StartPortForwardingSession'
            : 'AWS-StartPortForwardingSessionToRemoteHost',
        parameters: {
          portNumber: [String(request.port)],
          localPortNumber: ['0'],
          ...(request.remoteHost === undefined ? {} : { host: [request.remoteHost] }),
        },
      },
      events: {
        onInterruption: (isLost, why) => {
          setInterrupted(isLost);
          onEvent(isLost ? { event: 'reconnecting', why } : { event: 'reconnected' });
        },
        onRefused: () => {
          const {
            code,
            message,
            next = '',
          } = portUnreachable({
            target: request.target,
            port: request.port,
            remoteHost: request.remoteHost,
          });
          const remote = hostAndPort(request.remoteHost ?? request.target, request.port);
          onEvent({ event: 'refused', remote, error: { code, message, next } });
        },
        onMessage: (text) => onEvent({ event: 'message', text: printable(text) }),
        onEnd: (end) => {
          this.#pool.delete(started);
          setInterrupted(false);
          this.#carried.up += started.tunnel.bytes.up;
          this.#carried.down += started.tunnel.bytes.down;
          if (this.#isClosed) return;
          const reason = endError(end, request.target).message;
          onEvent({ event: 'session-ended', sessionId: started.sessionId, reason });
        },
      },
    });
    onEvent({ event: 'session-started', sessionId: started.sessionId });
    return started;
  }
}

function listenError(error: unknown, where: string): DevaccessError {
  const code = errorCode(error);
  if (code === 'EADDRINUSE') {
    return new DevaccessError('DA_PORT_BUSY', `${where} is in use already.`, {
      next: 'choose another local port (0: any free one) or path.',
      cause: error,
    });
  }
  return new DevaccessError('DA_LISTEN', `Cannot listen on ${where}: ${whyNot(error)}.`, {
    next: 'check the address, the port (below 1024 needs root) or the path.',
    cause: error,
  });
}

function whyNot(error: unknown): string {
  const code = errorCode(error);
  switch (code) {
    case 'EACCES':
      return 'permission denied';
    case 'EADDRNOTAVAIL':
      return 'this computer has no such address';
    case 'ENAMETOOLONG':
      return 'the path is too long for a socket';
    case 'ENOENT':
      return 'there is no such folder';
    case 'ENOTFOUND':
      return 'nobody knows the name';
    default:
      return code ?? errorLine(error);
  }
}
