import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask, echo, exchange, freePort, pour, serve } from './support/far-server.ts';
import { eventually, Person, sha256 } from './support/person.ts';
import { RunningCommand } from './support/running-command.ts';

let person: Person;
const running: RunningCommand<ForwardLine>[] = [];

beforeAll(async () => {
  person = await Person.arrive();
  await person.startDay();
});
afterAll(() => person.leave());
afterEach(async () => {
  for (const forward of running.splice(0)) await forward.stop();
  await person.noSessionIsOpen();
});

interface ForwardLine {
  event: string;
  port?: number;
  address?: string;
  text?: string;
  reason?: string;
  error?: { code: string };
}

/** Runs `devaccess forward … --json` until the test ends. */
function forwardFrom(who: Person, args: string[]): RunningCommand<ForwardLine> {
  const forward = new RunningCommand<ForwardLine>(who, ['forward', ...args]);
  running.push(forward);
  return forward;
}

/** As many open connections, each of which has been answered. */
function connected(count: number, port: number): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(port);
      socket.write('x');
      await once(socket, 'data');
      return socket;
    }),
  );
}

const has = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;

describe('devaccess forward', () => {
  it('carries hundreds of connections at once, each byte-exact', async () => {
    const { server, port } = await serve((socket) => {
      // As many protocols do: the answer is as long as was asked for.
      socket.once('data', (chunk: Buffer) =>
        socket.end(Buffer.alloc(chunk.readUInt32BE(0), chunk[4])),
      );
    });
    const forward = forwardFrom(person, [person.bastionId, `0:${port}`]);
    const local = await forward.port();
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const question = Buffer.alloc(5);
        question.writeUInt32BE(10_000 + index, 0);
        question[4] = index % 256;
        const answer = await exchange({ port: local }, question);
        return answer.equals(Buffer.alloc(10_000 + index, index % 256));
      }),
    );
    server.close();
    expect(answers.filter((isRight) => isRight)).toHaveLength(300);
    expect(person.openSessions()).toBe(1);
  });

  it.runIf(has('curl'))('carries 400 downloads of curl at once, each whole', async () => {
    const body = (index: number): Buffer => Buffer.alloc(20_000 + index * 100, `${index},`);
    const server = createHttpServer((request, response) => {
      response.end(body(Number(request.url?.slice(1))));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const forward = forwardFrom(person, [person.bastionId, `0:${port}`]);
    const folder = join(person.home, 'curl');
    mkdirSync(folder);
    const url = `http://127.0.0.1:${await forward.port()}/[1-400]`;
    const options = ['-sS', '-Z', '--parallel-immediate', '--parallel-max', '300'];
    const run = await person.run('curl', [...options, '-o', join(folder, '#1'), url]);
    server.close();
    expect(run.code).toBe(0);
    const whole = readdirSync(folder).filter((name) =>
      readFileSync(join(folder, name)).equals(body(Number(name))),
    );
    expect(whole).toHaveLength(400);
    expect(person.openSessions()).toBe(1);
  });

  it.runIf(has('redis-server') && has('redis-cli'))('serves redis-cli a real server', async () => {
    const port = await freePort();
    const redis = spawn(
      'redis-server',
      ['--port', String(port), '--bind', '127.0.0.1', '--save', ''],
      { stdio: 'ignore' },
    );
    try {
      const forward = forwardFrom(person, [person.bastionId, `0:${port}`]);
      const at = ['-h', '127.0.0.1', '-p', String(await forward.port())];
      const cli = (args: string[], input?: Buffer | string) =>
        person.run('redis-cli', [...at, ...args], input === undefined ? {} : { input });
      await eventually('redis answers', async () => {
        return (await cli(['ping'])).stdout.toString() === 'PONG\n';
      });
      const value = randomBytes(3_000_000);
      expect((await cli(['-x', 'set', 'big'], value)).stdout.toString()).toBe('OK\n');
      const got = await cli(['get', 'big']);
      expect(got.stdout.subarray(0, -1).equals(value)).toBe(true);
      const commands = Array.from({ length: 20_000 }, (_, index) => `SET k${index} ${index}\r\n`);
      const piped = await cli(['--pipe'], commands.join(''));
      expect(piped.stdout.toString()).toContain('errors: 0, replies: 20000');
    } finally {
      const ended = once(redis, 'exit');
      redis.kill();
      await ended;
    }
  });

  it('moves 12 MiB both ways at once', async () => {
    const { server, port } = await serve(echo);
    const forward = forwardFrom(person, [person.bastionId, `0:${port}`]);
    const data = randomBytes(12 * 1024 * 1024);
    const socket = connect(await forward.port());
    let received = 0;
    const parts: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      parts.push(chunk);
      received += chunk.length;
      if (received === data.length) socket.destroy();
    });
    socket.write(data);
    await once(socket, 'close');
    server.close();
    expect(sha256(Buffer.concat(parts))).toBe(sha256(data));
  });

  it('resets the one connection whose destination refuses, and says so', async () => {
    const port = await freePort();
    const forward = forwardFrom(person, [person.bastionId, `0:${port}`]);
    const socket = connect(await forward.port());
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    expect((await forward.event('refused')).error).toMatchObject({ code: 'DA_PORT_SILENT' });
    expect(person.openSessions()).toBe(1);
  });

  it('reaches a host behind the bastion by its name', async () => {
    const forward = forwardFrom(person, ['someserver', '0:22']);
    expect(await ask(await forward.port())).toMatch(/^SSH-2\.0-/);
    const [session] = person.aws.sandbox.registry.list().slice(-1);
    expect(session).toMatchObject({
      target: person.bastionId,
      documentName: 'AWS-StartPortForwardingSessionToRemoteHost',
    });
  });

  it('gives up a connection that takes nothing when it holds up another', async () => {
    const { server, port } = await serve((socket) => {
      socket.on('data', (chunk: Buffer) => {
        if (chunk.toString() === 'echo') socket.write(chunk);
        else pour(socket, () => Buffer.alloc(65_536));
      });
    });
    const forward = forwardFrom(person, [person.bastionId, `0:${port}`]);
    const local = await forward.port();
    const stuck = connect(local);
    stuck.on('error', () => undefined);
    stuck.write('pour');
    await once(stuck, 'data');
    stuck.pause();
    // `once` would take the reset, which may be told as an error, for its own.
    const isGone = new Promise((resolve) => stuck.on('close', resolve));
    const other = connect(local);
    let answers = 0;
    other.on('data', () => (answers += 1));
    const asking = setInterval(() => other.write('echo'), 100);
    expect((await forward.event('message')).text).toContain('held up all others');
    stuck.resume();
    await isGone;
    const before = answers;
    await eventually('another answer', () => answers > before);
    clearInterval(asking);
    other.destroy();
    server.close();
  });

  it('holds the far end of one that stops reading, and goes on where it was', async () => {
    const data = randomBytes(64 * 1024 * 1024);
    let written = 0;
    const { server, port } = await serve((socket) => {
      pour(socket, () => {
        const chunk = data.subarray(written, written + 65_536);
        written += chunk.length;
        if (chunk.length === 0) socket.end();
        return chunk;
      });
    });
    const forward = forwardFrom(person, [person.bastionId, `0:${port}`]);
    const socket = connect(await forward.port());
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    await once(socket, 'data');
    socket.pause();
    let before = -1;
    await eventually('the far end is held', async () => {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return written === before;
    });
    expect(written).toBeLessThan(data.length);
    socket.resume();
    await once(socket, 'close');
    server.close();
    expect(sha256(Buffer.concat(received))).toBe(sha256(data));
  });

  it('takes a tag for the one host that carries it', async () => {
    const { server, port } = await serve(echo);
    const forward = forwardFrom(person, ['tag:Name=bastion', `0:${port}`]);
    const answer = await ask(await forward.port(), 'ping');
    server.close();
    expect(answer).toBe('ping');
  });

  it('reaches a tagged host through its bastion, and a hybrid node by its own tags', async () => {
    const forwards = [
      forwardFrom(person, ['tag:Name=db-1', '0:22']),
      forwardFrom(person, ['tag:Site=office', '0:22']),
    ];
    for (const forward of forwards) {
      expect(await ask(await forward.port())).toMatch(/^SSH-2\.0-/);
    }
    const sessions = person.aws.sandbox.registry.list().slice(-2);
    const targets = sessions.map(({ target }) => target).sort();
    expect(targets).toEqual([person.bastionId, expect.stringMatching(/^mi-/)]);
  });

  it('refuses a busy port before any session starts', async () => {
    const { server, port } = await serve(echo);
    const before = person.aws.sandbox.registry.list().length;
    const run = await person.run('devaccess', ['forward', person.bastionId, `${port}:22`]);
    server.close();
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(`127.0.0.1:${port} is in use already. [DA_PORT_BUSY]`);
    expect(person.aws.sandbox.registry.list()).toHaveLength(before);
  });

  it('listens on a private Unix socket', async () => {
    const { server, port } = await serve(echo);
    const path = join(person.home, 'forward.sock');
    const forward = forwardFrom(person, [person.bastionId, String(port), '--unix', path]);
    await forward.event('listening');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const answer = await ask({ path }, 'ping');
    server.close();
    expect(answer).toBe('ping');
  });

  it('keeps open connections through a cut, and takes new ones', async () => {
    const { server, port } = await serve(echo);
    const forward = forwardFrom(person, [person.bastionId, `0:${port}`]);
    const socket = connect(await forward.port());
    socket.write('before');
    await once(socket, 'data');
    const [session] = person.aws.sandbox.registry
      .list()
      .filter(({ status }) => status !== 'Terminated');
    expect(person.aws.gateway.cutClient(session!.sessionId)).toBe(true);
    await forward.event('reconnected');
    socket.write('after');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    server.close();
    expect(answer.toString()).toBe('after');
  });

  it('starts a new session when the old one is gone', async () => {
    const { server, port } = await serve(echo);
    const forward = forwardFrom(person, [person.bastionId, `0:${port}`]);
    const local = await forward.port();
    const old = connect(local);
    old.write('x');
    await once(old, 'data');
    const reset = once(old, 'error');
    const [session] = person.aws.sandbox.registry
      .list()
      .filter(({ status }) => status !== 'Terminated');
    person.aws.sandbox.registry.terminate(session!.sessionId, 'Session timed out');
    expect((await forward.event('session-ended')).reason).toContain('Session timed out');
    expect(((await reset)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    const answer = await ask(local, 'new');
    server.close();
    expect(answer).toBe('new');
  });

  it('spreads connections over as many sessions as asked for', async () => {
    const { server, port } = await serve(echo);
    const forward = forwardFrom(person, [person.bastionId, `0:${port}`, '--sessions', '3']);
    const local = await forward.port();
    const sockets = await connected(6, local);
    expect(person.openSessions()).toBe(3);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('starts more sessions as connections come where it may', async () => {
    const { server, port } = await serve(echo);
    const args = [person.bastionId, `0:${port}`, '--sessions', 'auto'];
    const forward = forwardFrom(person, args);
    const local = await forward.port();
    expect(person.openSessions()).toBe(1);
    const sockets = await connected(12, local);
    expect(person.openSessions()).toBe(3);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('does not lose an answer that comes after the end of input', async () => {
    const { server, port } = await serve((socket) => {
      socket.once('data', () => setTimeout(() => socket.end('late answer'), 300));
    });
    const forward = forwardFrom(person, [person.bastionId, `0:${port}`]);
    const answer = await exchange({ port: await forward.port() }, Buffer.from('question'));
    server.close();
    expect(answer.toString()).toBe('late answer');
  });

  it('ends its sessions on Ctrl-C', async () => {
    const forward = forwardFrom(person, [person.bastionId, '0:22', '0:2222']);
    await forward.event('listening', 2);
    expect(person.openSessions()).toBe(2);
    expect(await forward.stop()).toMatchObject({ code: 0, stderr: '' });
    expect(person.openSessions()).toBe(0);
  });

  it('tells why the agent ends a session', async () => {
    const args = ['bastion', '0:80', '--host', '169.254.169.254'];
    const forward = forwardFrom(person, args);
    expect((await forward.event('session-ended')).reason).toBe(
      `The session with ${person.bastionId} ended: Forwarding to IP address 169.254.169.254 is forbidden.`,
    );
  });

  it('names the document that a policy withholds', async () => {
    const denied = await Person.arrive({
      deniedDocuments: ['AWS-StartPortForwardingSessionToRemoteHost'],
    });
    try {
      await denied.startDay();
      const run = await denied.run('devaccess', ['forward', 'someserver', '0:22']);
      expect(run.code).toBe(1);
      expect(run.stderr).toContain(
        `You may not start sessions with the document AWS-StartPortForwardingSessionToRemoteHost on ${denied.bastionId}. [DA_DOCUMENT_DENIED] Next: `,
      );
    } finally {
      await denied.leave();
    }
  });

  it.each([
    [['nowhere', '80'], 2, "There is no host 'nowhere'"],
    [['bast', '80'], 2, 'there is bastion'],
    [['bastion', '0'], 2, "'0' is not [LOCAL:]PORT with ports from 1 to 65535. [DA_PORT]"],
    [['bastion', '70000'], 2, "'70000' is not [LOCAL:]PORT with ports from 1 to 65535. [DA_PORT]"],
    [['tag:Name=worker', '80'], 2, 'tag:Name=worker is more than one host: worker (i-'],
    [
      ['tag:Name=nothing', '80'],
      1,
      'No node in us-east-1 has the tag Name=nothing [DA_HOST_NOT_FOUND]',
    ],
    [['tag:Name=old-build', '80'], 1, 'is stopped [DA_HOST_OFFLINE]'],
    [['tag:Name=elsewhere', '80'], 1, 'is not in Systems Manager [DA_HOST_OFFLINE]'],
    [['tag:Name', '80'], 2, "'tag:Name' does not name a tag [DA_USAGE]"],
    [['someserver', '80', '--host', 'db.internal'], 2, '10.0.1.10 is reached through i-'],
    [['bastion', '80', '--host', '$(id)'], 2, 'is not a host name'],
    [['bastion', '80', '--sessions', '9'], 2, "'9' sessions"],
    [['i-0123456789abcdef0', '0:80'], 1, 'not connected'],
  ])('explains %j', async (args, code, text) => {
    const run = await person.run('devaccess', ['forward', ...args]);
    expect(run.code).toBe(code);
    expect(run.stderr).toContain(text);
  });
});
