import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, NetConnectOpts, Server, Socket } from 'node:net';

export interface FarServer {
  server: Server;
  port: number;
}

/** A server for what is forwarded to it, which may half-close its connections. */
export async function serve(onConnection: (socket: Socket) => void): Promise<FarServer> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const { server, port } = await serve(() => undefined);
  server.close();
  await once(server, 'close');
  return port;
}

/** What a server of `serve` does that sends all back. */
export const echo = (socket: Socket): void => void socket.pipe(socket);

/** Writes as much as the socket takes, until there is no more. */
export function pour(socket: Socket, next: () => Buffer): void {
  const write = (): void => {
    while (socket.writable) {
      const chunk = next();
      if (chunk.length === 0 || !socket.write(chunk)) return;
    }
  };
  socket.on('drain', write);
  write();
}

/** The first bytes that come over a new connection, after a question or without one. */
export async function ask(to: NetConnectOpts | number, question?: string): Promise<string> {
  // By address: looking up a name would let connections be made in any order.
  const socket = connect(typeof to === 'number' ? { port: to, host: '127.0.0.1' } : to);
  if (question !== undefined) socket.write(question);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString();
}

/** Sends `data` over a new connection, half-closes it, and returns all that comes back. */
export async function exchange(address: NetConnectOpts, data: Buffer): Promise<Buffer> {
  const socket = connect({ ...address, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end(data);
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

/** Sends `data` in pieces and returns as many bytes of what comes back. */
export async function echoed(port: number, data: Buffer): Promise<Buffer> {
  const socket = connect(port);
  const chunks: Buffer[] = [];
  let received = 0;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    received += chunk.length;
    if (received >= data.length) socket.destroy();
  });
  let sent = 0;
  pour(socket, () => data.subarray(sent, (sent += 16_384)));
  await once(socket, 'close');
  return Buffer.concat(chunks);
}
