import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { EarlyConnection } from './early-connection.ts';

/** What a connection is for. */
export type Purpose = 'api' | 'gateway';

/**
 * Opens the connections of one run, one for each purpose before its address is known for sure, and
 * shortens later TLS handshakes with what earlier ones left.
 */
export class Connections {
  readonly #early = new Map<Purpose, { origin: string; connection: EarlyConnection }>();
  readonly #tlsSessions = new Map<string, Buffer>();

  /** Opens a connection to the host of `url`, which will most likely be asked for soon. */
  expect(purpose: Purpose, url: URL): void {
    this.#close(purpose);
    const connection = new EarlyConnection(this.open(url));
    this.#early.set(purpose, { origin: streamOrigin(url), connection });
  }

  /**
   * The expected connection, open or still opening, when it lives and goes where `url` says;
   * one that goes elsewhere is closed.
   */
  takeNow(purpose: Purpose, url: URL): Socket | undefined {
    const early = this.#early.get(purpose);
    if (early?.origin !== streamOrigin(url)) {
      this.#close(purpose);
      return undefined;
    }
    this.#early.delete(purpose);
    return early.connection.take();
  }

  /** Like {@link takeNow}, but waits until the connection is open or has failed. */
  async take(purpose: Purpose, url: URL): Promise<Socket | undefined> {
    const early = this.#early.get(purpose);
    if (early?.origin === streamOrigin(url)) await early.connection.settled;
    return this.takeNow(purpose, url);
  }

  /** Closes what was expected and never asked for. */
  closeExpected(): void {
    for (const purpose of this.#early.keys()) this.#close(purpose);
  }

  /** Opens a new connection; errors and the moment it is open are the socket's events. */
  open(url: URL): Socket {
    const host = bareHost(url);
    const address = { host, port: portOf(url), noDelay: true };
    if (isPlain(url)) return connectTcp(address);
    const origin = streamOrigin(url);
    const session = this.#tlsSessions.get(origin);
    const socket = connectTls({
      ...address,
      // An address has no server name; the certificate is then checked against the address.
      servername: /^[\d.]+$|:/.test(host) ? '' : host,
      ALPNProtocols: ['http/1.1'],
      ...(session === undefined ? {} : { session }),
    });
    socket.on('session', (ticket: Buffer) => this.#tlsSessions.set(origin, ticket));
    return socket;
  }

  #close(purpose: Purpose): void {
    this.#early.get(purpose)?.connection.take()?.destroy();
    this.#early.delete(purpose);
  }
}

/** Scheme, host and port; `wss:` and `https:` are the same here. */
function streamOrigin(url: URL): string {
  return `${isPlain(url) ? 'plain' : 'tls'} ${bareHost(url)} ${portOf(url)}`;
}

function isPlain({ protocol }: URL): boolean {
  return protocol === 'ws:' || protocol === 'http:';
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function portOf(url: URL): number {
  return Number(url.port || (isPlain(url) ? 80 : 443));
}
