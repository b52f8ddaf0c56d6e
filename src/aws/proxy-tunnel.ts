import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { isSocks, proxyPort, proxyUser } from './proxy-address.ts';
import { proxyNotReached, proxyRefused } from './proxy-failure.ts';

const CONNECT_TIMEOUT_MS = 15_000;

/** Where a tunnel leads. */
export interface TunnelTarget {
  host: string;
  port: number;
  isEncrypted: boolean;
  /** Settings of the encrypted connection inside the tunnel. */
  tls: {
    servername: string;
    ALPNProtocols: string[];
    session?: Buffer;
    rejectUnauthorized?: boolean;
  };
  /** Trusted for the proxy's own certificate too. */
  secureContext: SecureContext | undefined;
}

/**
 * Opens a connection through a proxy: HTTP's CONNECT (RFC 9110 §9.3.6), or SOCKS 5.
 *
 * @param proxy may hold a user name and password; they go to the proxy alone
 * @returns the connection, TLS inside it still to be shaken hands on
 * @throws DevaccessError DA_PROXY when the proxy refuses, DA_PROXY_UNREACHABLE; both name the proxy's
 *   host and never the user or password
 */
export async function openTunnel(proxy: URL, target: TunnelTarget): Promise<Socket> {
  const { host, tls, secureContext } = target;
  const socket = await connect(proxy, target);
  if (!target.isEncrypted) return socket;
  return connectTls({
    socket,
    ...tls,
    ...(secureContext === undefined ? {} : { secureContext }),
    // Without it the certificate of an address, which has no server name, is checked for localhost.
    checkServerIdentity: (name, certificate) =>
      checkServerIdentity(tls.servername === '' ? host : name, certificate),
  });
}

async function connect(proxy: URL, { host, port, secureContext }: TunnelTarget): Promise<Socket> {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (isSocks(proxy)) {
    // Few need it; the others do not load it.
    const { openSocks } = await import('./socks-tunnel.ts');
    return openSocks(proxy, { host, port, where }, CONNECT_TIMEOUT_MS);
  }
  const send = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send({
      // The address alone: as a part of the URL the password would be in Node's errors.
      host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: proxyPort(proxy),
      method: 'CONNECT',
      path: where,
      headers: { Host: where, ...authorization(proxy) },
      agent: false,
      ...(secureContext === undefined ? {} : { secureContext }),
    });
    const timer = setTimeout(() => {
      request.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    }, CONNECT_TIMEOUT_MS);
    request.once('close', () => clearTimeout(timer));
    request.once('error', (error) => reject(proxyNotReached(proxy, where, error)));
    const answered = (answer: IncomingMessage, socket: Socket): void => {
      clearTimeout(timer);
      if (answer.statusCode === 200) {
        resolve(socket);
        return;
      }
      socket.destroy();
      const status = answer.statusCode ?? 0;
      const asksForPassword = status === 407;
      reject(proxyRefused(proxy, where, `HTTP ${status}`, { asksForPassword }));
    };
    request.once('connect', answered);
    // What is not understood as CONNECT is answered as if it were any request.
    request.once('response', (answer) => answered(answer, answer.socket));
    request.end();
  });
}

function authorization(proxy: URL): Record<string, string> {
  const user = proxyUser(proxy);
  if (user === undefined) return {};
  const text = `${user.name}:${user.password}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(text).toString('base64')}` };
}
