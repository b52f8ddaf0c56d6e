import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { Environment } from '../platform/paths.ts';
import { EarlyConnection } from './early-connection.ts';
import { proxyFor } from './proxy-choice.ts';
import { trustedRoots } from './trusted-roots.ts';

/** What a connection is for. */
export type Purpose = 'api' | 'gateway';

/**
 * Opens every connection of one run, to APIs and gateways alike: through the proxy that applies,
 * trusting AWS_CA_BUNDLE, one for each purpose before its address is known for sure, and with TLS
 * handshakes shortened by what earlier ones left.
 */
export class Connections {
  readonly #env: Environment;
  readonly #early = new Map<Purpose, { origin: string; connection: EarlyConnection }>();
  readonly #tlsSessions = new Map<string, Buffer>();
  readonly #isVerified: boolean;
  #roots: { context: SecureContext | undefined } | undefined;

  /**
   * @param env proxies and certificates to trust
   * @param options isVerified: false takes any server for the one that was meant. Default true.
   */
  constructor(env: Environment, { isVerified = true } = {}) {
    this.#env = env;
    this.#isVerified = isVerified;
  }

  /** Opens a connection to the host of `url`, which will most likely be asked for soon. */
  expect(purpose: Purpose, url: URL): void {
    this.#close(purpose);
    const connection = new EarlyConnection(() => this.open(url));
    this.#early.set(purpose, { origin: streamOrigin(url), connection });
  }

  /** The expected connection once it is open; undefined when it failed or goes elsewhere. */
  async take(purpose: Purpose, url: URL): Promise<Socket | undefined> {
    const early = this.#early.get(purpose);
    if (early?.origin !== streamOrigin(url)) {
      this.#close(purpose);
      return undefined;
    }
    await early.connection.settled;
    return this.#taken(purpose);
  }

  /**
   * The expected connection, open or still opening, else a new one.
   * @throws DevaccessError DA_PROXY, DA_CA_BUNDLE
   */
  claim(purpose: Purpose, url: URL): Socket | Promise<Socket> {
    const early = this.#early.get(purpose);
    if (early?.origin !== streamOrigin(url)) this.#close(purpose);
    else if (early.connection.isPending) {
      return this.take(purpose, url).then((socket) => socket ?? this.open(url));
    }
    return this.#taken(purpose) ?? this.open(url);
  }

  /** Closes what was expected and never asked for. */
  closeExpected(): void {
    for (const purpose of this.#early.keys()) this.#close(purpose);
  }

  /**
   * Opens a new connection; errors and the moment it is open are the socket's events.
   *
   * @returns the socket at once, or when a proxy has made it
   * @throws DevaccessError DA_PROXY, DA_CA_BUNDLE
   */
  open(url: URL): Socket | Promise<Socket> {
    const proxy = proxyFor(url, this.#env);
    const address = { host: bareHost(url), port: portOf(url) };
    if (proxy === undefined && isPlain(url)) return connectTcp({ ...address, noDelay: true });
    const origin = streamOrigin(url);
    const session = this.#tlsSessions.get(origin);
    const tls = {
      // An address has no server name; the certificate is then checked against the address.
      servername: /^[\d.]+$|:/.test(address.host) ? '' : address.host,
      ALPNProtocols: ['http/1.1'],
      ...(session === undefined ? {} : { session }),
      ...(this.#isVerified ? {} : { rejectUnauthorized: false }),
    };
    const remember = (socket: Socket): Socket =>
      socket.on('session', (ticket: Buffer) => this.#tlsSessions.set(origin, ticket));
    if (proxy === undefined) {
      // First: loading 140 root certificates takes Node 20 longer than most networks a connect.
      const socket = connectTcp({ ...address, noDelay: true });
      const secureContext = this.#trustedRoots();
      const trust = secureContext === undefined ? {} : { secureContext };
      return remember(connectTls({ ...address, socket, ...tls, ...trust }));
    }
    const secureContext = this.#trustedRoots();
    const target = { ...address, isEncrypted: !isPlain(url), tls, secureContext };
    // Few need it; the others do not load it.
    return import('./proxy-tunnel.ts').then(async ({ openTunnel }) => {
      const socket = await openTunnel(proxy, target);
      socket.setNoDelay(true);
      return remember(socket);
    });
  }

  #trustedRoots(): SecureContext | undefined {
    this.#roots ??= { context: trustedRoots(this.#env) };
    return this.#roots.context;
  }

  #taken(purpose: Purpose): Socket | undefined {
    const socket = this.#early.get(purpose)?.connection.take();
    this.#early.delete(purpose);
    return socket;
  }

  #close(purpose: Purpose): void {
    this.#early.get(purpose)?.connection.close();
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
