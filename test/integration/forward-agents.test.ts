import { once } from 'node:events';
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echo, echoed, exchange, pour, serve } from './support/far-server.ts';
import { Person, sha256 } from './support/person.ts';
import { RunningCommand } from './support/running-command.ts';

const running: RunningCommand<ForwardLine>[] = [];

interface ForwardLine {
  event: string;
  port?: number;
}

/** Runs `devaccess forward … --json` until the test ends. */
function forwardFrom(who: Person, args: string[]): RunningCommand<ForwardLine> {
  const forward = new RunningCommand<ForwardLine>(who, ['forward', ...args]);
  running.push(forward);
  return forward;
}

describe('devaccess forward to an agent without multiplexing', () => {
  let old: Person;
  beforeAll(async () => {
    old = await Person.arrive({ agent: { agentVersion: '3.0.196.0' } });
    await old.startDay();
  });
  afterAll(async () => {
    for (const forward of running.splice(0)) await forward.stop();
    await old.noSessionIsOpen();
    await old.leave();
  });

  it('serves one connection after the other', async () => {
    const { server, port } = await serve(echo);
    const forward = forwardFrom(old, [old.bastionId, `0:${port}`]);
    const local = await forward.port();
    const sockets = ['one', 'two', 'three'].map((text) => {
      // By address: looking up a name would let them connect in any order.
      const socket = connect(local, '127.0.0.1');
      socket.write(text);
      return { socket, text };
    });
    for (const { socket, text } of sockets) {
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toBe(text);
      socket.destroy();
    }
    server.close();
    expect(await forward.stop()).toMatchObject({ code: 0 });
  });

  it('does not lose an answer that comes after the end of input', async () => {
    const { server, port } = await serve((socket) => {
      socket.once('data', () => {
        setTimeout(() => socket.write('late '), 300);
        setTimeout(() => socket.end('answer'), 600);
      });
    });
    const forward = forwardFrom(old, [old.bastionId, `0:${port}`]);
    const answer = await exchange({ port: await forward.port() }, Buffer.from('question'));
    server.close();
    expect(answer.toString()).toBe('late answer');
  });

  it('gives no connection what was meant for the one before', async () => {
    const { server, port } = await serve((socket) => {
      socket.once('data', (first: Buffer) => {
        const filler = Buffer.alloc(64 * 1024, first);
        pour(socket, () => filler);
      });
    });
    const forward = forwardFrom(old, [old.bastionId, `0:${port}`]);
    const local = await forward.port();
    const first = connect(local);
    first.write('1');
    await once(first, 'data');
    const second = connect(local);
    second.write('2');
    first.destroy();
    const [answer] = (await once(second, 'data')) as [Buffer];
    second.destroy();
    server.close();
    expect(answer.toString().replace(/2/g, '')).toBe('');
  });
});

describe('devaccess forward to an agent at its real pace', () => {
  let far: Person;
  beforeAll(async () => {
    // An agent sends what a cut has swallowed again slowly; at its pace it is not much.
    far = await Person.arrive({ agent: { pace: 'real' } });
    await far.startDay();
  });
  afterAll(async () => {
    for (const forward of running.splice(0)) await forward.stop();
    await far.noSessionIsOpen();
    await far.leave();
  });

  it('loses no byte of many connections through many cuts', async () => {
    const { server, port } = await serve(echo);
    const forward = forwardFrom(far, [far.bastionId, `0:${port}`, '--sessions', '2']);
    const local = await forward.port();
    const { registry } = far.aws.sandbox;
    // So many only: a slow machine would get little done in between.
    let cuts = 0;
    const cutting = setInterval(() => {
      for (const { sessionId } of registry.list()) far.aws.gateway.cutClient(sessionId);
      cuts += 1;
      if (cuts === 8) clearInterval(cutting);
    }, 700);
    const data = Array.from({ length: 20 }, () => randomBytes(256 * 1024));
    const answers = await Promise.all(data.map((bytes) => echoed(local, bytes)));
    clearInterval(cutting);
    server.close();
    expect(answers.map(sha256)).toEqual(data.map(sha256));
    expect(forward.events.filter(({ event }) => event === 'session-ended')).toEqual([]);
    expect(forward.events.filter(({ event }) => event === 'reconnecting').length).toBeGreaterThan(
      4,
    );
  });
});
