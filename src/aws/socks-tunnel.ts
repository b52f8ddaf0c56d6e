import { connect as connectTcp, isIPv4, isIPv6 } from 'node:net';
import type { Socket } from 'node:net';
import { proxyNotReached, proxyRefused } from './proxy-failure.ts';
import { proxyPort, proxyUser } from './proxy-address.ts';

const VERSION = 5;
const CONNECT = 1;
const NO_AUTHENTICATION = 0;
const USER_AND_PASSWORD = 2;
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 } as const;
/** RFC 1928 §6, by number. */
const REPLIES = [
  'succeeded',
  'general failure',
  'not allowed by its rules',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'time to live expired',
  'command not supported',
  'address type not supported',
];

/**
 * Opens a connection through a SOCKS 5 proxy (RFC 1928; user and password: RFC 1929). Names are
 * looked up by the proxy: it often stands where they mean something.
 *
 * @throws DevaccessError DA_PROXY when the proxy refuses, DA_PROXY_UNREACHABLE
 */
export async function openSocks(
  proxy: URL,
  { host, port, where }: { host: string; port: number; where: string },
  timeoutMs: number,
): Promise<Socket> {
  const socket = connectTcp({
    host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: proxyPort(proxy),
  });
  const timer = setTimeout(() => {
    socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
  }, timeoutMs);
  const failed = (why: string, isAboutUser = false): Error =>
    proxyRefused(proxy, where, `SOCKS: ${why}`, { asksForPassword: isAboutUser });
  try {
    await signIn(socket, proxyUser(proxy), failed);
    socket.write(
      Buffer.concat([
        Buffer.of(VERSION, CONNECT, 0),
        address(host),
        Buffer.of(port >> 8, port & 255),
      ]),
    );
    const [version, reply = 1, , kind] = await read(socket, 4);
    if (version !== VERSION) throw failed('not its protocol');
    if (reply !== 0) throw failed(REPLIES[reply] ?? `reply ${reply}`);
    const bytes =
      kind === ADDRESS.name ? ((await read(socket, 1))[0] ?? 0) : kind === ADDRESS.ipv6 ? 16 : 4;
    // The address that the proxy connects from: nobody's business here.
    await read(socket, bytes + 2);
    return socket;
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw error instanceof ConnectionLost ? proxyNotReached(proxy, where, error.reason) : error;
  } finally {
    clearTimeout(timer);
  }
}

type Failed = (why: string, isAboutUser?: boolean) => Error;

async function signIn(
  socket: Socket,
  user: { name: string; password: string } | undefined,
  failed: Failed,
): Promise<void> {
  const methods = user === undefined ? [NO_AUTHENTICATION] : [NO_AUTHENTICATION, USER_AND_PASSWORD];
  socket.write(Buffer.of(VERSION, methods.length, ...methods));
  const [version, method = -1] = await read(socket, 2);
  if (version !== VERSION) throw failed('not its protocol');
  if (!methods.includes(method)) throw failed('it wants to know who asks', true);
  if (method === NO_AUTHENTICATION || user === undefined) return;
  socket.write(Buffer.concat([Buffer.of(1), counted(user.name), counted(user.password)]));
  const [, status] = await read(socket, 2);
  if (status !== 0) throw failed('user or password is wrong', true);
}

function address(host: string): Buffer {
  if (isIPv4(host)) return Buffer.of(ADDRESS.ipv4, ...host.split('.').map(Number));
  if (!isIPv6(host)) return Buffer.concat([Buffer.of(ADDRESS.name), counted(host)]);
  // As URLs write them: hexadecimal groups, the longest run of zeros left out.
  const [before = '', after = ''] = host.split('::');
  const head = before.split(':').filter((group) => group !== '');
  const tail = after.split(':').filter((group) => group !== '');
  const zeros = Array<string>(8 - head.length - tail.length).fill('0');
  const groups = [...head, ...zeros, ...tail].map((group) => group.padStart(4, '0'));
  return Buffer.concat([Buffer.of(ADDRESS.ipv6), Buffer.from(groups.join(''), 'hex')]);
}

/** One byte of length, and so many bytes. */
function counted(text: string): Buffer {
  const bytes = Buffer.from(text).subarray(0, 255);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

class ConnectionLost extends Error {
  readonly reason: Error;

  constructor(reason: Error) {
    super(reason.message);
    this.reason = reason;
  }
}

/** Exactly so many bytes: what comes after them is not the proxy's. */
async function read(socket: Socket, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      for (const event of ['readable', 'end', 'close']) socket.off(event, take);
      socket.off('error', fail);
    };
    const fail = (reason: Error): void => {
      settle();
      reject(new ConnectionLost(reason));
    };
    const take = (): void => {
      const bytes = socket.read(count) as Buffer | null;
      if (bytes?.length === count) {
        settle();
        resolve(bytes);
      } else if (socket.readableEnded || socket.destroyed || bytes !== null) {
        fail(new Error('it closed the connection'));
      }
    };
    for (const event of ['readable', 'end', 'close']) socket.on(event, take);
    socket.on('error', fail);
    take();
  });
}
