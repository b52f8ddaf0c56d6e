import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

/** A certificate authority of the test's own, and a certificate for loopback made by it. */
export interface TestCertificates {
  caFile: string;
  key: Buffer;
  cert: Buffer;
}

/** @param names further DNS names the certificate is for, `*.` allowed */
export function makeCertificates(folder: string, names: readonly string[] = []): TestCertificates {
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    ...['req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2'],
    ...['-subj', '/CN=devaccess test CA', '-addext', 'basicConstraints=critical,CA:TRUE'],
  );
  openssl(
    ...['req', ...newKey, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=loopback'],
  );
  writeFileSync(
    file('server.ext'),
    `subjectAltName=${['localhost', ...names].map((name) => `DNS:${name}`).join()},IP:127.0.0.1,IP:::1\n` +
      'basicConstraints=CA:FALSE\n',
  );
  openssl(
    ...['x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key'],
    ...['-CAcreateserial', '-days', '2', '-extfile', 'server.ext', '-out', 'server.pem'],
  );
  return {
    caFile: file('ca.pem'),
    key: readFileSync(file('server.key')),
    cert: readFileSync(file('server.pem')),
  };
}

/** A listener on loopback in front of something else. */
export interface Front {
  port: number;
  /** Connections accepted so far. */
  readonly connections: number;
  close(): Promise<void>;
}

/**
 * Ends TLS in front of a plain port.
 * @param onData sees what clients send, decrypted
 */
export async function tlsFront(
  { key, cert }: TestCertificates,
  target: () => number,
  onData: (chunk: Buffer) => void = () => undefined,
): Promise<Front> {
  const server = createTlsServer({ key, cert, ALPNProtocols: ['http/1.1'] }, (socket) => {
    const plain = connect(target(), '127.0.0.1');
    socket.setNoDelay(true);
    plain.setNoDelay(true);
    socket.on('data', onData);
    pipeBoth(socket, plain);
  });
  return front(server);
}

/**
 * A path of a given round trip to a port on loopback: what is sent arrives half of it later, and a
 * new connection has cost a whole one before anything is sent on it.
 */
export async function slowPath(target: () => number, roundTripMs: number): Promise<Front> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const far = connect({ port: target(), host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    delayed(socket, far, roundTripMs, roundTripMs / 2);
    delayed(far, socket, 0, roundTripMs / 2);
  });
  return front(server);
}

/** An HTTP proxy, as companies have them. */
export interface TestProxy extends Front {
  /** What was asked for, `host:port`, in order. */
  readonly asked: string[];
  /** Proxy-Authorization of each. */
  readonly authorizations: (string | undefined)[];
}

/**
 * @param route port on loopback behind a `host:port`, or the HTTP status to refuse it with
 */
export async function httpProxy(
  route: (where: string, authorization: string | undefined) => { port: number } | number,
): Promise<TestProxy> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createHttpServer((_request, response) => response.writeHead(501).end());
  server.on('connect', (request, socket: Socket) => {
    const where = request.url ?? '';
    const authorization = request.headers['proxy-authorization'];
    asked.push(where);
    authorizations.push(authorization);
    const way = route(where, authorization);
    if (typeof way === 'number') {
      socket.end(`HTTP/1.1 ${way} Refused\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const far = connect(way.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      pipeBoth(socket, far);
    });
    far.on('error', () => socket.destroy());
  });
  return Object.assign(await front(server), { asked, authorizations });
}

function delayed(from: Socket, to: Socket, connectMs: number, oneWayMs: number): void {
  const openAtMs = performance.now() + connectMs;
  const later = (what: () => void): void => {
    setTimeout(what, Math.max(0, openAtMs - performance.now()) + oneWayMs);
  };
  from.on('data', (chunk: Buffer) => later(() => to.writable && to.write(chunk)));
  from.on('end', () => later(() => to.end()));
  from.on('error', () => later(() => to.destroy()));
  from.on('close', () => later(() => to.destroy()));
}

function pipeBoth(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  for (const [socket, peer] of [
    [one, other],
    [other, one],
  ] as const) {
    socket.on('error', () => peer.destroy());
    socket.on('close', () => peer.destroy());
  }
}

async function front(server: Server): Promise<Front> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
