import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

/** A certificate authority of the test's own, and a certificate for loopback made by it. */
export interface TestCertificates {
  caFile: string;
  key: Buffer;
  cert: Buffer;
}

export function makeCertificates(folder: string): TestCertificates {
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
    'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nbasicConstraints=CA:FALSE\n',
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
