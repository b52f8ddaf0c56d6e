import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { LocalAwsOptions } from '../../src/sandbox/local-aws.ts';
import { PAYLOAD_TYPE } from '../../src/session/protocol/message/constants.ts';
import { decodeMessage } from '../../src/session/protocol/message/message.ts';
import { Front } from './support/front.ts';
import type { Treatment } from './support/front.ts';
import { collect, eventually, firstOutput, isRunning, Person } from './support/person.ts';

let person: Person;
let front: Front;

async function arrive(options: Partial<LocalAwsOptions> = {}): Promise<void> {
  person = await Person.arrive(options);
  await person.startDay();
  front = await Front.open(person.aws.sandbox.endpoint);
}

afterEach(async () => {
  await person.noSessionIsOpen();
  front.close();
  await person.leave();
});

async function serve(
  onConnection: (socket: Socket) => void,
): Promise<{ server: Server; port: string }> {
  const server = createServer({ allowHalfOpen: true }, onConnection);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: String((server.address() as AddressInfo).port) };
}

function residentMib(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(line) / 1024;
}

/** The process that `parent` started, once it has. */
async function proxyOf(parent: ChildProcess): Promise<number> {
  const children = (): string =>
    readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8');
  await eventually('the proxy runs', () => children() !== '');
  return Number(children().trim().split(' ')[0]);
}

describe('a signal at any moment leaves no session', () => {
  it('while StartSession is being answered', async () => {
    await arrive();
    let answer: (() => void) | undefined;
    front.api = async (operation): Promise<Treatment> => {
      if (operation === 'SSM.StartSession') await new Promise<void>((go) => (answer = go));
      return 'pass';
    };
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], front.env);
    const finished = collect(child);
    await eventually('StartSession was sent', () => answer !== undefined);
    child.kill('SIGTERM');
    answer!();
    expect(await finished).toMatchObject({ code: 143, stderr: '' });
    expect(person.openSessions()).toBe(0);
  });

  it('while the gateway is being connected', async () => {
    await arrive();
    front.upgrade = () => 'silence';
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], front.env);
    const finished = collect(child);
    await eventually('the upgrade was sent', () => front.events.some((e) => e.includes('upgrade')));
    child.kill('SIGHUP');
    expect(await finished).toMatchObject({ code: 129, stderr: '' });
    expect(person.openSessions()).toBe(0);
  });

  it('during the handshake', async () => {
    let requests = 0;
    await arrive({ gateway: { onFrame: () => (requests += 1) } });
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], front.env);
    const finished = collect(child);
    await eventually('the agent has asked', () => requests > 0);
    child.kill('SIGINT');
    expect(await finished).toMatchObject({ code: 130, stderr: '' });
    expect(person.openSessions()).toBe(0);
  });

  it('while resuming', async () => {
    await arrive();
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], front.env);
    const finished = collect(child);
    await firstOutput(child);
    front.upgrade = () => 503;
    front.cut();
    await eventually('resuming', () => front.events.filter((e) => e.includes('503')).length > 1);
    child.kill('SIGTERM');
    expect(await finished).toMatchObject({ code: 143, stderr: '' });
    expect(person.openSessions()).toBe(0);
  });

  it('while nobody reads the output', async () => {
    await arrive();
    const { server, port } = await serve((socket) => {
      socket.on('error', () => undefined);
      socket.write(Buffer.alloc(8 * 1024 * 1024));
    });
    const child = person.start('devaccess-proxy', [person.bastionId, port], front.env);
    const exited = once(child, 'exit');
    await once(child.stdout, 'readable');
    child.kill('SIGTERM');
    expect((await exited)[0]).toBe(143);
    child.stdout.destroy();
    server.close();
    expect(person.openSessions()).toBe(0);
  });
});

describe('a parent that is killed leaves nothing', () => {
  it('in the middle of a session', async () => {
    await arrive();
    const child = person.start('ssh', ['bastion', 'cat'], front.env);
    const proxy = await proxyOf(child);
    child.stdin.write('hello\n');
    expect(await firstOutput(child)).toBe('hello\n');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await eventually('the proxy has ended', () => !isRunning(proxy));
    expect(person.openSessions()).toBe(0);
  });

  it('while the gateway is being connected, its end of input still open', async () => {
    await arrive();
    front.upgrade = () => 'silence';
    const command = person.command('devaccess-proxy', [person.bastionId, '22']);
    // Standard input is this test's own: that the parent is gone is all there is to notice.
    const child = person.start('sh', ['-c', `exec 3<&0; ${command} <&3 & wait`], front.env);
    const proxy = await proxyOf(child);
    await eventually('the upgrade was sent', () => front.events.some((e) => e.includes('upgrade')));
    child.kill('SIGKILL');
    await eventually('the proxy has ended', () => !isRunning(proxy));
    expect(person.openSessions()).toBe(0);
  });
});

describe('agents of other versions', () => {
  it.each([
    ['3.3.987.0', false],
    ['2.3.722.0', true],
    ['2.3.50', true],
  ])('%s: the API ends the session: %s', async (agentVersion, byApi) => {
    await arrive({ agent: { agentVersion } });
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], front.env);
    const finished = collect(child);
    expect(await firstOutput(child)).toMatch(/^SSH-2\.0-/);
    child.kill('SIGTERM');
    expect(await finished).toMatchObject({ code: 143, stderr: '' });
    expect(front.events.includes('SSM.TerminateSession')).toBe(byApi);
  });
});

describe('flow', () => {
  it('is held back by a pause, keeps every byte and goes on', async () => {
    await arrive({ gateway: { limits: { rateLimit: 1000 } } });
    const { server, port } = await serve((socket) => {
      let received = 0;
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received === 4_000_000) socket.end(`got ${received}`);
      });
    });
    const log = join(person.home, 'log');
    const run = await person.run(
      'devaccess-proxy',
      [person.bastionId, port, '--pace', '1500', '--log-file', log],
      { input: Buffer.alloc(4_000_000, 7) },
    );
    server.close();
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout.toString()).toBe('got 4000000');
    const text = readFileSync(log, 'utf8');
    expect(text).toContain('"event":"paused"');
    expect(text).toMatch(/"pacePerSecond":(7|3)\d\d/);
  });

  it('costs bounded memory while nobody reads, whatever the gateway sends', async () => {
    await arrive({ agent: { windowMessages: 100_000 } });
    const { server, port } = await serve((socket) => {
      socket.on('error', () => undefined);
      socket.end(Buffer.alloc(96 * 1024 * 1024, 1));
    });
    const child = person.start('devaccess-proxy', [person.bastionId, port], front.env);
    child.stdin.end();
    await once(child.stdout, 'readable');
    let before = -1;
    await eventually('nothing moves any more', async () => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const now = residentMib(child.pid!);
      const isStill = Math.abs(now - before) < 1;
      before = now;
      return isStill;
    });
    expect(before).toBeLessThan(160);
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length));
    const [code] = (await once(child, 'close')) as [number];
    server.close();
    expect(code).toBe(0);
    expect(bytes).toBe(96 * 1024 * 1024);
  });

  it('survives frames lost, repeated, late and out of order in the gateway', async () => {
    let count = 0;
    await arrive({
      agent: { windowMessages: 64 },
      gateway: {
        onFrame: ({ frame, forward }) => {
          count += 1;
          if (count % 97 === 0) return;
          forward(frame);
          if (count % 31 === 0) forward(frame);
          if (count % 53 === 0) setTimeout(() => forward(frame), 40);
        },
      },
    });
    const data = randomBytes(1024 * 1024);
    const run = await person.run('ssh', ['bastion', 'cat'], { input: data });
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout.equals(data)).toBe(true);
  });
});

describe('the diagnostic log', () => {
  it('tells the states and figures, no payload and no secret', async () => {
    const tokens: string[] = [];
    await arrive();
    const { registry } = person.aws.sandbox;
    const issue = registry.issueToken.bind(registry);
    registry.issueToken = (sessionId) => {
      tokens.push(issue(sessionId));
      return tokens.at(-1)!;
    };
    const log = join(person.home, 'log');
    const child = person.start('ssh', ['bastion', 'cat'], { ...front.env, DEVACCESS_LOG: log });
    const finished = collect(child);
    child.stdin.write('a-line-nobody-logs\n');
    await firstOutput(child);
    front.cut();
    child.stdin.end('another-line-nobody-logs\n');
    expect(await finished).toMatchObject({ code: 0 });
    const text = readFileSync(log, 'utf8');
    const lines = text.trimEnd().split('\n');
    const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
    for (const event of ['open', 'ready', 'lost', 'resuming', 'end']) {
      expect(events).toContain(event);
    }
    expect(lines.find((line) => line.includes('"lost"'))).toMatch(
      /"code":1006.*"roundTripMs":.*"windowBytes":.*"nextSequenceNumber":.*"resends":/,
    );
    const secrets = readFileSync(join(person.home, '.aws', 'credentials'), 'utf8').matchAll(
      /(?:secret_access_key|session_token) = (\S+)/g,
    );
    const forbidden = [
      ...tokens,
      ...[...secrets].map(([, secret]) => secret!),
      'nobody-logs',
      'SSH-2.0',
    ];
    expect(tokens).toHaveLength(2);
    expect(forbidden.length).toBeGreaterThan(5);
    for (const secret of forbidden) expect(text).not.toContain(secret);
  });

  it('stays small when the peer sends nothing but rubbish', async () => {
    await arrive({
      gateway: {
        onFrame: ({ frame, forward, direction }) => {
          if (direction === 'to-client') {
            const decoded = decodeMessage(frame);
            const isData = decoded.ok && decoded.message.payloadType === PAYLOAD_TYPE.output;
            for (let copy = 0; isData && copy < 2000; copy += 1) forward(randomBytes(60));
          }
          forward(frame);
        },
      },
    });
    const log = join(person.home, 'log');
    const run = await person.run('ssh', ['bastion', 'echo fine'], { env: { DEVACCESS_LOG: log } });
    expect(run).toMatchObject({ code: 0, stderr: '' });
    const text = readFileSync(log, 'utf8');
    expect(text).toMatch(/"droppedMessages":\{[^}]*:\d{4,}/);
    expect(text.length).toBeLessThan(10_000);
  });
});
