import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { DevaccessError } from '../platform/errors.ts';

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
 * Opens a connection through an HTTP proxy's CONNECT (RFC 9110 §9.3.6).
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
  const send = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send({
      // The address alone: as a part of the URL the password would be in Node's errors.
      host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
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
    request.once('error', (error) => reject(notReached(proxy, where, error)));
    const answered = (answer: IncomingMessage, socket: Socket): void => {
      clearTimeout(timer);
      if (answer.statusCode === 200) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(refused(proxy, where, answer.statusCode ?? 0));
    };
    request.once('connect', answered);
    // What is not understood as CONNECT is answered as if it were any request.
    request.once('response', (answer) => answered(answer, answer.socket));
    request.end();
  });
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const text = `${decoded(username)}:${decoded(password)}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(text).toString('base64')}` };
}

/** A `%` that was meant as itself stays. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function refused(proxy: URL, where: string, status: number): DevaccessError {
  const next =
    status === 407
      ? 'put the user and password of the proxy into HTTPS_PROXY: http://user:password@host:port.'
      : 'ask for access to this host through the proxy, or name it in NO_PROXY.';
  const message = `The proxy ${proxy.host} refused a connection to ${where} (HTTP ${status})`;
  return new DevaccessError('DA_PROXY', message, { next });
}

function notReached(proxy: URL, where: string, error: Error & { code?: string }): DevaccessError {
  return new DevaccessError(
    'DA_PROXY_UNREACHABLE',
    `The proxy ${proxy.host} could not be reached for a connection to ${where} (${error.code ?? error.message})`,
    { next: 'check HTTPS_PROXY and NO_PROXY.', cause: error },
  );
}
