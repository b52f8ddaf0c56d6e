/** How other commands talk to a process that carries tunnels: one line of JSON each way. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { listenOnUnixSocket } from '../../platform/unix-listener.ts';
import type { ExpiryEvent } from './expiry-watch.ts';
import type { TunnelStatus } from './tunnel-status.ts';

export type ControlRequest = { ask: 'status' } | { ask: 'close'; names: string[] };

export interface RunReport {
  id: string;
  tunnels: TunnelStatus[];
  /** Of those whose credentials end soon or have ended. */
  credentials: ExpiryEvent[];
}

export interface ControlHandlers {
  report(): RunReport;
  /** Resolves when the tunnels and their sessions are closed. */
  close(names: string[]): Promise<void>;
}

/** A request is a few names; a report is some hundred bytes for each listener. */
const MAX_REQUEST_BYTES = 64 * 1024;
const MAX_REPORT_BYTES = 16 * 1024 * 1024;
const ASK_MS = 5_000;

/**
 * Answers on a Unix socket. Who may connect is decided by the folder it is in, which is the user's
 * alone, and by its own mode.
 *
 * @throws NodeJS.ErrnoException
 */
export async function serveControl(path: string, handlers: ControlHandlers): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.setTimeout(ASK_MS, () => socket.destroy());
    answer(socket, handlers).catch(() => socket.destroy());
  });
  await listenOnUnixSocket(server, path);
  return server;
}

async function answer(socket: Socket, handlers: ControlHandlers): Promise<void> {
  const request = JSON.parse(await readAll(socket, MAX_REQUEST_BYTES)) as ControlRequest;
  socket.setTimeout(0);
  if (request.ask === 'close') await handlers.close(request.names);
  socket.end(JSON.stringify(handlers.report()));
}

/**
 * Asks the process that answers at `path`.
 *
 * @param timeoutMs without an answer by then it is taken to hang
 * @throws NodeJS.ErrnoException ECONNREFUSED, ENOENT: there is no such process; ETIMEDOUT
 */
export async function askControl(
  path: string,
  request: ControlRequest,
  timeoutMs = ASK_MS,
): Promise<RunReport> {
  const socket = connect(path);
  const timer = setTimeout(() => {
    socket.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
  }, timeoutMs);
  try {
    await once(socket, 'connect');
    socket.end(JSON.stringify(request));
    return JSON.parse(await readAll(socket, MAX_REPORT_BYTES)) as RunReport;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** All that comes until the other side has ended. */
function readAll(socket: Socket, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) socket.destroy(new Error('too long'));
    });
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed early')));
  });
}
