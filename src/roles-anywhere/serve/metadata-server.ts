import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { DevaccessError } from '../../platform/errors.ts';
import { errorCode } from '../../platform/file-errors.ts';
import type { MetadataAnswer, MetadataRequest } from './metadata-service.ts';

/** Nothing that is not of this machine gets here. */
const HOST = '127.0.0.1';
const MAX_CONNECTIONS = 256;
const MAX_HEADER_BYTES = 8 * 1024;
/** For all of a request to arrive. */
const REQUEST_MS = 5_000;
const IDLE_MS = 5_000;
/** What is being answered gets this long when it is closed. */
const GRACE_MS = 1_000;

export interface MetadataServer {
  /** `http://127.0.0.1:9911/` */
  endpoint: string;
  port: number;
  /** Resolves when no connection is left. */
  close: () => Promise<void>;
}

/**
 * An HTTP server for this machine alone, with bounds on all that a client can make grow or wait.
 *
 * @param port 0: any free one
 * @param debug told of each request: method, path and status
 * @throws DevaccessError DA_PORT_BUSY, DA_LISTEN
 */
export async function serveMetadata(
  port: number,
  answer: (request: MetadataRequest) => Promise<MetadataAnswer>,
  debug: (text: string) => void,
): Promise<MetadataServer> {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: REQUEST_MS,
    headersTimeout: REQUEST_MS,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: IDLE_MS,
  });
  boundConnections(server);
  server.on('request', (request, response) => {
    const { method = '', url: target = '', headers } = request;
    answer({ method, target, headers })
      .then((given) => {
        reply(request, response, given);
        debug(`${method} ${target.slice(0, 200)} ${given.status}`);
      })
      .catch(() => response.destroy());
  });
  server.on('clientError', (_error, socket) => refuse(socket));
  await listen(server, port);
  const { port: bound } = server.address() as AddressInfo;
  return { endpoint: `http://${HOST}:${bound}/`, port: bound, close: () => close(server) };
}

/** Whoever opens many and says nothing loses the oldest of them, and keeps nobody out. */
function boundConnections(server: Server): void {
  const oldestFirst = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => {
    oldestFirst.add(socket);
    socket.on('close', () => oldestFirst.delete(socket));
    const [oldest] = oldestFirst;
    if (oldestFirst.size > MAX_CONNECTIONS) oldest?.destroy();
  });
}

function reply(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: MetadataAnswer,
): void {
  response.on('error', () => undefined);
  // What nobody reads is not waited for.
  const hasBody =
    request.headers['transfer-encoding'] !== undefined ||
    (request.headers['content-length'] ?? '0') !== '0';
  response.writeHead(status, {
    ...headers,
    'content-length': Buffer.byteLength(body),
    ...(hasBody ? { connection: 'close' } : {}),
  });
  response.end(body);
}

/** What is no HTTP, too long, or too late. */
function refuse(socket: Duplex): void {
  if (!socket.writable) socket.destroy();
  else {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', () => socket.destroy());
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, port)));
    server.listen({ host: HOST, port }, () => resolve());
  });
}

function listenError(error: unknown, port: number): DevaccessError {
  const code = errorCode(error);
  if (code === 'EADDRINUSE') {
    return new DevaccessError('DA_PORT_BUSY', `Port ${port} of ${HOST} is in use`, {
      next: 'give another --port (0: any free one); another serve may be running already',
      cause: error,
    });
  }
  return new DevaccessError('DA_LISTEN', `Cannot listen on ${HOST}:${port}: ${code ?? ''}`, {
    next: 'give another --port; below 1024 needs root',
    cause: error,
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), GRACE_MS);
    server.close(() => {
      clearTimeout(late);
      resolve();
    });
    server.closeIdleConnections();
  });
}
