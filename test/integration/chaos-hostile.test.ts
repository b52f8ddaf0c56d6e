import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { PAYLOAD_TYPE } from '../../src/session/protocol/message/constants.ts';
import { encodeMessage } from '../../src/session/protocol/message/message.ts';
import { Front } from './support/front.ts';
import { collect, eventually, Person } from './support/person.ts';

const MIB = 1024 * 1024;

let person: Person;
beforeAll(async () => {
  person = await Person.arrive();
  await person.startDay();
});
afterAll(() => person.leave());

/** A gateway that does as it likes, and the environment that leads a session to it. */
async function hostileGateway(
  onConnection: (socket: WebSocket) => void,
): Promise<{ env: Record<string, string>; close: () => void; connections: () => number }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(server, 'listening');
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  const front = await Front.open(person.aws.sandbox.endpoint);
  front.streamOrigin = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: front.env,
    connections: () => connections,
    close: () => {
      front.close();
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

function data(sequenceNumber: number, payloadType: number, payload: Buffer | string): Buffer {
  return encodeMessage({
    messageType: 'output_stream_data',
    schemaVersion: 1,
    createdDateMs: Date.now(),
    sequenceNumber,
    flags: 0,
    messageId: randomUUID(),
    payloadType,
    payload: Buffer.from(payload),
  });
}

function residentMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

/** Sends as much as the socket takes, up to `total` frames; resolves when it takes no more. */
function flood(socket: WebSocket, total: number, send: (index: number) => void): Promise<void> {
  return new Promise((resolve) => {
    let sent = 0;
    let still = 0;
    const timer = setInterval(() => {
      still = socket.bufferedAmount > 4 * MIB ? still + 1 : 0;
      for (let count = 0; still === 0 && count < 2000 && sent < total; count += 1) send(sent++);
      // Everything is out, or the client has not read for half a second.
      if (sent < total && still < 50) return;
      clearInterval(timer);
      resolve();
    }, 10);
  });
}

describe('a hostile gateway', () => {
  it.concurrent('that floods with pings and reads nothing costs no memory', async () => {
    let flooded: Promise<void> | undefined;
    const gateway = await hostileGateway((socket) => {
      socket.once('message', () => {
        socket.pause();
        flooded = flood(socket, 400_000, () => socket.ping(Buffer.alloc(125)));
      });
    });
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], gateway.env);
    const finished = collect(child);
    await eventually('the flood begins', () => flooded !== undefined);
    await flooded;
    expect(residentMib(child.pid!)).toBeLessThan(150);
    child.kill('SIGTERM');
    expect(await finished).toMatchObject({ code: 143 });
    gateway.close();
  });

  it.concurrent('that sends messages far ahead for ever costs bounded memory', async () => {
    let flooded: Promise<void> | undefined;
    const gateway = await hostileGateway((socket) => {
      socket.once('message', () => {
        flooded = flood(socket, 20_000, (index) =>
          socket.send(data(1 + index, PAYLOAD_TYPE.output, randomBytes(8192))),
        );
      });
    });
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], gateway.env);
    const finished = collect(child);
    await eventually('the flood begins', () => flooded !== undefined);
    await flooded;
    // 160 MB were sent; 32 MiB of early messages are kept.
    expect(residentMib(child.pid!)).toBeLessThan(190);
    child.kill('SIGTERM');
    expect(await finished).toMatchObject({ code: 143 });
    gateway.close();
  });

  it.concurrent(
    'that sends rubbish, repeats and oversized frames is asked with pauses',
    async () => {
      const gateway = await hostileGateway((socket) => {
        socket.once('message', () => {
          for (let count = 0; count < 500; count += 1) socket.send(randomBytes(count));
          socket.send('text');
          socket.send(Buffer.alloc(2 * MIB));
        });
      });
      const child = person.start('devaccess-proxy', [person.bastionId, '22'], gateway.env);
      const finished = collect(child);
      await eventually('it has come back a few times', () => gateway.connections() > 4);
      expect(gateway.connections()).toBeLessThan(10);
      child.kill('SIGTERM');
      const run = await finished;
      expect(run.code).toBe(143);
      expect(run.stdout).toHaveLength(0);
      gateway.close();
    },
  );

  it.concurrent.each([
    ['too many actions', JSON.stringify({ RequestedClientActions: Array(17).fill({}) })],
    ['huge JSON', JSON.stringify({ AgentVersion: 'x'.repeat(100_000) })],
    ['deep JSON', '['.repeat(60_000)],
  ])('whose handshake has %s is refused in a line', async (_what, request) => {
    const gateway = await hostileGateway((socket) => {
      socket.once('message', () => socket.send(data(0, PAYLOAD_TYPE.handshakeRequest, request)));
    });
    const run = await person.run('devaccess-proxy', [person.bastionId, '22'], { env: gateway.env });
    gateway.close();
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/handshake that cannot be read\. \[DA_PROTOCOL\]\n$/);
  });

  it.concurrent(
    'whose words are for the terminal is shown without control characters',
    async () => {
      const gateway = await hostileGateway((socket) => {
        socket.once('message', () => {
          socket.send(
            encodeMessage({
              messageType: 'channel_closed',
              schemaVersion: 1,
              createdDateMs: 1,
              sequenceNumber: 0,
              flags: 0,
              messageId: randomUUID(),
              payloadType: 0,
              payload: Buffer.from(
                JSON.stringify({ Output: '\u001b]0;owned\u0007gone\r\nsecond' }),
              ),
            }),
          );
        });
      });
      const run = await person.run('devaccess-proxy', [person.bastionId, '22'], {
        env: gateway.env,
      });
      gateway.close();
      expect(run.code).toBe(1);
      expect(run.stderr).toContain('?]0;owned?gone second');
      expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
    },
  );

  it.concurrent('that answers the upgrade a byte at a time is given up', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nX-Slow: ');
      const timer = setInterval(() => socket.write('a'), 200);
      socket.on('close', () => clearInterval(timer));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const front = await Front.open(person.aws.sandbox.endpoint);
    front.streamOrigin = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const run = await person.run('devaccess-proxy', [person.bastionId, '22'], { env: front.env });
    front.close();
    server.close();
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/did not answer within 15 s.*\[DA_GATEWAY\]/);
  });
});
