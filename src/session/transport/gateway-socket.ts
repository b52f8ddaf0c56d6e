import type { Socket } from 'node:net';
import WebSocket from 'ws';
import type { Connections } from '../../aws/connections.ts';

/** A frame larger than this closes the socket: real messages hold about 1 KiB. */
const MAX_FRAME_BYTES = 1024 * 1024;
const OPEN_TIMEOUT_MS = 15_000;
/** RFC 6455 §7.4.1 */
export const PROTOCOL_ERROR = 1002;

export interface GatewaySocketHandlers {
  onFrame(frame: Buffer): void;
  /** Any sign of life from the other end: data, pings, pongs. */
  onHeard(): void;
  /** Written data has left this process's buffers. */
  onDrain(): void;
  /**
   * Once, whoever closed it; never called for a socket that did not open. With `PROTOCOL_ERROR`
   * where what came was no WebSocket's.
   */
  onClose(code: number, reason: string): void;
}

/** Why the gateway could not be opened. */
export class GatewayOpenError extends Error {
  override readonly name = 'GatewayOpenError';
  /** HTTP status of a refused upgrade; undefined when there was no HTTP answer. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, cause?: unknown) {
    super(message, { cause });
    this.status = status;
  }
}

/** One WebSocket to the message gateway. Lives until it closes; resuming opens a new one. */
export class GatewaySocket {
  readonly #socket: WebSocket;
  readonly #tcp: Socket;

  private constructor(socket: WebSocket, tcp: Socket) {
    this.#socket = socket;
    this.#tcp = tcp;
  }

  /**
   * Connects, or takes the connection opened in advance, and waits for the upgrade. Redirects are
   * not followed: the token stays here.
   * @param signal gives the attempt up
   * @throws GatewayOpenError
   */
  static async open(
    url: URL,
    headers: Record<string, string>,
    handlers: GatewaySocketHandlers,
    signal: AbortSignal,
    connections: Connections,
  ): Promise<GatewaySocket> {
    const early = await connections.take('gateway', url);
    if (early !== undefined) {
      try {
        return await GatewaySocket.#upgrade(url, headers, handlers, signal, early);
      } catch (error) {
        // An answer is an answer; a connection that died before it was used is none.
        const isAnswer = error instanceof GatewayOpenError && error.status !== undefined;
        if (isAnswer || signal.aborted) throw error;
      }
    }
    return GatewaySocket.#upgrade(url, headers, handlers, signal, await connections.open(url));
  }

  static async #upgrade(
    url: URL,
    headers: Record<string, string>,
    handlers: GatewaySocketHandlers,
    signal: AbortSignal,
    tcp: Socket,
  ): Promise<GatewaySocket> {
    const socket = new WebSocket(url, {
      headers,
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      followRedirects: false,
      createConnection: () => tcp,
    });
    socket.binaryType = 'nodebuffer';
    // Before 'open': the gateway's first frames can arrive together with its answer.
    socket.on('message', (data, isBinary) => {
      handlers.onHeard();
      if (isBinary && Buffer.isBuffer(data)) handlers.onFrame(data);
    });
    socket.on('ping', () => handlers.onHeard());
    socket.on('pong', () => handlers.onHeard());
    // Once open, a failing socket reports itself through 'close', but not what was wrong with frames.
    let broken: string | undefined;
    socket.on('error', (error: Error & { code?: string }) => {
      if (error.code?.startsWith('WS_ERR_') === true) broken = error.message;
    });
    await opened(socket, signal);
    socket.on('close', (code, reason) => {
      if (broken === undefined) handlers.onClose(code, reason.toString('utf8'));
      else handlers.onClose(PROTOCOL_ERROR, broken);
    });
    tcp.on('drain', () => handlers.onDrain());
    return new GatewaySocket(socket, tcp);
  }

  /** Bytes written but still in this process. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  /** Writes frames in one go; a socket that is closing swallows them, the channel resends. */
  sendFrames(frames: readonly Buffer[]): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#tcp.cork();
    for (const frame of frames) this.#socket.send(frame, { binary: true });
    this.#tcp.uncork();
  }

  ping(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  /** Stops reading, so that TCP pushes back on the gateway. */
  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** Closes politely and drops the connection soon after, answered or not. */
  close(): void {
    this.#socket.close(1000);
  }

  /** Drops the connection at once. */
  terminate(): void {
    this.#socket.terminate();
  }
}

async function opened(socket: WebSocket, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let giveUp: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (message: string): void => {
        reject(new GatewayOpenError(message));
        socket.terminate();
      };
      timer = setTimeout(() => {
        fail(`the message gateway did not answer within ${OPEN_TIMEOUT_MS / 1000} s`);
      }, OPEN_TIMEOUT_MS);
      giveUp = () => fail('the attempt was given up');
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp);
      socket.once('open', resolve);
      socket.once('unexpected-response', (request, response) => {
        request.destroy();
        const status = response.statusCode ?? 0;
        reject(new GatewayOpenError(`the message gateway answered HTTP ${status}`, status));
      });
      socket.once('error', (error) => {
        reject(new GatewayOpenError(error.message, undefined, error));
      });
    });
  } finally {
    clearTimeout(timer);
    if (giveUp !== undefined) signal.removeEventListener('abort', giveUp);
  }
}
