import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { Connections } from '../aws/connections.ts';
import { proxyPort } from '../aws/proxy-address.ts';
import { chooseProxy } from '../aws/proxy-choice.ts';
import type { ProxyChoice } from '../aws/proxy-choice.ts';
import { openTunnel } from '../aws/proxy-tunnel.ts';
import type { ServiceAddress } from '../aws/service-address.ts';
import { DevaccessError, printable } from '../platform/errors.ts';
import { errorCode } from '../platform/file-errors.ts';
import type { Environment } from '../platform/paths.ts';
import { VERSION } from '../platform/version.ts';
import type { NameAnswer } from './look-up-names.ts';

/** How far a connection to an endpoint came. */
export type ProbeOutcome =
  | Answer
  /** `code` undefined, here and below: nothing came back in time. */
  | { state: 'no-name'; host: string; code: string | undefined }
  | { state: 'no-connection'; where: string; code: string | undefined }
  | { state: 'proxy-refused'; error: DevaccessError }
  | { state: 'untrusted'; code: string; issuer: string | undefined }
  /** Connected, and then no HTTP. */
  | { state: 'no-answer'; code: string | undefined }
  /** A setting of the person's that cannot be used. */
  | { state: 'setting'; error: DevaccessError };

/** An HTTP answer, of whatever status. */
export interface Answer {
  state: 'answers';
  status: number;
  /** From the first packet to the answer. */
  millis: number;
  /** `Date` of the answer, milliseconds since the epoch. */
  serverMs: number | undefined;
  /** What the clock of this computer said when the request was half under way. */
  clockMs: number;
}

export interface EndpointProbe {
  address: ServiceAddress;
  route: ProxyChoice | undefined;
  outcome: ProbeOutcome;
}

export interface ProbeWorld {
  env: Environment;
  now: () => number;
  names: ReadonlyMap<string, NameAnswer>;
  /** For each of the two steps: to connect, and to be answered. */
  stepMs: number;
}

const TLS_UNTRUSTED = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;

/** The host a connection to an address is made to: its own, or the proxy's. */
export function firstHop(url: URL, proxy: URL | undefined): { host: string; port: number } {
  if (proxy !== undefined) return { host: bare(proxy.hostname), port: proxyPort(proxy) };
  const isPlain = url.protocol === 'http:' || url.protocol === 'ws:';
  return { host: bare(url.hostname), port: Number(url.port || (isPlain ? 80 : 443)) };
}

/** Asks an endpoint something that needs no signature, over the very connections devaccess makes. */
export async function probeEndpoint(
  address: ServiceAddress,
  world: ProbeWorld,
): Promise<EndpointProbe> {
  let route: ProxyChoice | undefined;
  try {
    route = chooseProxy(address.url, world.env);
    return { address, route, outcome: await outcomeOf(address, route, world) };
  } catch (error) {
    if (!(error instanceof DevaccessError)) throw error;
    return { address, route, outcome: { state: 'setting', error } };
  }
}

async function outcomeOf(
  address: ServiceAddress,
  { proxy }: ProxyChoice,
  world: ProbeWorld,
): Promise<ProbeOutcome> {
  const hop = firstHop(address.url, proxy);
  const name = world.names.get(hop.host);
  if (name?.state === 'failed') return { state: 'no-name', host: hop.host, code: name.code };
  if (name?.state !== 'found') return { state: 'no-name', host: hop.host, code: undefined };
  const where = `${hop.host}:${hop.port}`;
  try {
    await firstPacket(hop, name.addresses, world.stepMs);
  } catch (error) {
    return { state: 'no-connection', where, code: codeOf(error) };
  }
  try {
    return await within(world.stepMs, (signal) => ask(address, world, signal));
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof DevaccessError && error.code === 'DA_PROXY_UNREACHABLE') {
      return { state: 'no-connection', where, code };
    }
    if (error instanceof DevaccessError && error.code === 'DA_PROXY') {
      return { state: 'proxy-refused', error };
    }
    if (error instanceof DevaccessError) throw error;
    if (code !== undefined && TLS_UNTRUSTED.test(code)) {
      return { state: 'untrusted', code, issuer: await issuerOf(address.url, proxy, world) };
    }
    return { state: 'no-answer', code };
  }
}

/** A TCP connection and nothing on it: whether there is anybody at all. */
async function firstPacket(
  { host, port }: { host: string; port: number },
  addresses: readonly string[],
  timeoutMs: number,
): Promise<void> {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const socket = connectTcp({
    host,
    port,
    autoSelectFamily: true,
    // Known already; the system's resolver is not asked again.
    lookup: (_name, _options, callback) => callback(null, found),
  });
  try {
    await within(timeoutMs, () => settled(socket, 'connect'));
  } finally {
    socket.destroy();
  }
}

async function ask(
  { service, url }: ServiceAddress,
  { env, now }: ProbeWorld,
  signal: AbortSignal,
): Promise<Answer> {
  const startMs = performance.now();
  const socket = await new Connections(env).open(url);
  signal.addEventListener('abort', () => socket.destroy());
  // Until the request has taken it over.
  socket.on('error', () => undefined);
  if ('encrypted' in socket) await settled(socket, 'secureConnect');
  else if (socket.connecting) await settled(socket, 'connect');
  const sentMs = now();
  const isStream = service === 'ssmmessages';
  const sent = request({
    createConnection: () => socket,
    method: 'GET',
    path: isStream ? `/v1/data-channel/devaccess-doctor?role=publish_subscribe` : '/',
    headers: {
      Host: url.host,
      'User-Agent': `devaccess/${VERSION}`,
      ...(isStream ? upgradeHeaders() : {}),
    },
  });
  sent.end();
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve);
    sent.once('upgrade', resolve);
    sent.once('error', reject);
  });
  socket.destroy();
  const serverMs = Date.parse(answer.headers.date ?? '');
  return {
    state: 'answers',
    status: answer.statusCode ?? 0,
    millis: Math.round(performance.now() - startMs),
    serverMs: Number.isNaN(serverMs) ? undefined : serverMs,
    clockMs: (sentMs + now()) / 2,
  };
}

function upgradeHeaders(): Record<string, string> {
  return {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
  };
}

/** Who signed a certificate that is not trusted. Nothing is sent over such a connection. */
async function issuerOf(
  url: URL,
  proxy: URL | undefined,
  { stepMs }: ProbeWorld,
): Promise<string | undefined> {
  const { host, port } = firstHop(url, undefined);
  try {
    return await within(stepMs, async (signal) => {
      const tls = { servername: /^[\d.]+$|:/.test(host) ? '' : host, ALPNProtocols: ['http/1.1'] };
      const tunnel =
        proxy === undefined
          ? connectTcp({ host, port })
          : await openTunnel(proxy, {
              host,
              port,
              isEncrypted: false,
              tls,
              secureContext: undefined,
            });
      const socket = connectTls({ socket: tunnel, ...tls, rejectUnauthorized: false });
      signal.addEventListener('abort', () => socket.destroy());
      await settled(socket, 'secureConnect');
      const { O, CN } = socket.getPeerCertificate().issuer;
      socket.destroy();
      return printable([CN ?? O].flat().join(' '));
    });
  } catch {
    return undefined;
  }
}

function settled(socket: Socket | TLSSocket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once('error', reject);
    socket.once('close', () => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
  });
}

/** Rejects with an error without a code when the time is over. */
async function within<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('no answer in time'));
      controller.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The system's code of an error, or of one of those inside it: Node tries several addresses. */
function codeOf(error: unknown): string | undefined {
  const own = errorCode(error);
  if (own !== undefined && !own.startsWith('DA_')) return own;
  const { errors, cause } = (error ?? {}) as { errors?: unknown[]; cause?: unknown };
  const inner = [...(errors ?? []), ...(cause === undefined ? [] : [cause])];
  return inner.map(codeOf).find((code) => code !== undefined);
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
