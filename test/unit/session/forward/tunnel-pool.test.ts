import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TunnelPool } from '../../../../src/session/forward/tunnel-pool.ts';
import type { StartedTunnel } from '../../../../src/session/forward/tunnel.ts';

interface FakeTunnel extends StartedTunnel {
  isHeldUp: boolean;
  isClosed: boolean;
  sockets: Socket[];
}

/** Sessions that start when the test says so. */
class Starts {
  readonly tunnels: FakeTunnel[] = [];
  readonly failures: unknown[] = [];
  readonly #waiting: { succeed: () => void; fail: (error: Error) => void }[] = [];

  pool(sessions: number | 'auto', fairShare = 4): TunnelPool {
    return new TunnelPool({
      sessions,
      start: (signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('given up')));
          this.#waiting.push({ succeed: () => resolve(this.#tunnel(fairShare)), fail: reject });
        }),
      onFailed: (error) => this.failures.push(error),
    });
  }

  get pending(): number {
    return this.#waiting.length;
  }

  async succeed(count = 1): Promise<void> {
    for (const start of this.#waiting.splice(0, count)) start.succeed();
    await settled();
  }

  async fail(): Promise<void> {
    this.#waiting.shift()?.fail(new Error('throttled'));
    await settled();
  }

  #tunnel(fairShare: number): StartedTunnel {
    const sockets: Socket[] = [];
    const fake = {
      tunnel: {
        attach: (socket: Socket) => sockets.push(socket),
        get connections() {
          return sockets.length;
        },
        fairShare,
      },
      sockets,
      isHeldUp: false,
      isClosed: false,
      close: () => {
        fake.isClosed = true;
        return Promise.resolve();
      },
    };
    this.tunnels.push(fake as unknown as FakeTunnel);
    return fake as unknown as StartedTunnel;
  }
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

function sockets(count: number): Socket[] {
  return Array.from({ length: count }, () => {
    const socket = { destroyed: false, destroy: () => (socket.destroyed = true) };
    return socket as unknown as Socket;
  });
}

let starts: Starts;
beforeEach(() => {
  starts = new Starts();
});
const shares = (): number[] => starts.tunnels.map((tunnel) => tunnel.sockets.length);

async function opened(sessions: number | 'auto', fairShare?: number): Promise<TunnelPool> {
  const pool = starts.pool(sessions, fairShare);
  const opening = pool.open();
  await starts.succeed(8);
  await opening;
  return pool;
}

describe('a fixed number of sessions', () => {
  it('share the connections evenly', async () => {
    const pool = await opened(3);
    for (const socket of sockets(7)) pool.take(socket);
    expect(shares()).toEqual([3, 2, 2]);
    expect(starts.pending).toBe(0);
  });

  it('are restored with the next connection, which does not wait for it', async () => {
    const pool = await opened(2);
    pool.delete(starts.tunnels[0]!);
    for (const socket of sockets(1)) pool.take(socket);
    expect(shares()).toEqual([0, 1]);
    await starts.succeed();
    for (const socket of sockets(1)) pool.take(socket);
    expect(shares()).toEqual([0, 1, 1]);
  });

  it('keep connections waiting when all are gone, and reset them when none can be started', async () => {
    const pool = await opened(1);
    pool.delete(starts.tunnels[0]!);
    const [first, second] = sockets(2) as [Socket, Socket];
    pool.take(first);
    await starts.succeed();
    expect(starts.tunnels[1]!.sockets).toEqual([first]);
    pool.delete(starts.tunnels[1]!);
    pool.take(second);
    await starts.fail();
    expect(second.destroyed).toBe(true);
    expect(starts.failures).toHaveLength(1);
  });
});

describe('a session that is held up', () => {
  it('gets no new connection; another takes its place', async () => {
    const pool = await opened(1);
    pool.take(sockets(1)[0]!);
    starts.tunnels[0]!.isHeldUp = true;
    pool.take(sockets(1)[0]!);
    expect(shares()).toEqual([1]);
    await starts.succeed();
    expect(shares()).toEqual([1, 1]);
  });

  it('gets them after all where no other can be started', async () => {
    const pool = await opened(1);
    starts.tunnels[0]!.isHeldUp = true;
    pool.take(sockets(1)[0]!);
    await starts.fail();
    expect(shares()).toEqual([1]);
  });
});

describe('auto', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('starts one session, and more as connections come, up to eight', async () => {
    const pool = await opened('auto');
    for (const socket of sockets(4)) pool.take(socket);
    expect([shares(), starts.pending]).toEqual([[4], 0]);
    for (const socket of sockets(60)) pool.take(socket);
    expect(starts.pending).toBe(7);
    await starts.succeed(7);
    expect(shares()).toEqual([8, 8, 8, 8, 8, 8, 8, 8]);
    for (const socket of sockets(64)) pool.take(socket);
    expect(starts.pending).toBe(0);
  });

  it('gives each connection a session where a session serves one at a time', async () => {
    const pool = await opened('auto', 1);
    for (const socket of sockets(3)) pool.take(socket);
    await starts.succeed(2);
    expect(shares()).toEqual([1, 1, 1]);
  });

  it('makes do with what it has when no more can be started, and tries again later', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const pool = await opened('auto');
    for (const socket of sockets(5)) pool.take(socket);
    await starts.fail();
    expect(shares()).toEqual([5]);
    pool.take(sockets(1)[0]!);
    expect([shares(), starts.pending]).toEqual([[6], 0]);
    vi.advanceTimersByTime(30_000);
    pool.take(sockets(1)[0]!);
    expect(starts.pending).toBe(1);
  });
});

it('ends the sessions that are being started, too', async () => {
  const pool = await opened('auto');
  for (const socket of sockets(5)) pool.take(socket);
  expect(starts.pending).toBe(1);
  await pool.close();
  expect(starts.tunnels.map(({ isClosed }) => isClosed)).toEqual([true]);
  expect(starts.failures).toEqual([]);
});

it('forgets a connection that has closed while it waited', async () => {
  const pool = starts.pool(1);
  const opening = pool.open();
  const [socket] = sockets(1) as [Socket];
  pool.take(socket);
  socket.destroy();
  await starts.succeed();
  await opening;
  expect(shares()).toEqual([0]);
});
