import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { collect, eventually, firstOutput, Person } from './support/person.ts';

let person: Person;

beforeAll(async () => {
  person = await Person.arrive();
  await person.startDay();
});
afterAll(() => person.leave());
afterEach(() => person.noSessionIsOpen());

/** A TCP server on this machine; the sandbox's agents reach it as a port of their own. */
async function serve(
  onConnection: (socket: Socket) => void,
): Promise<{ server: Server; port: string }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: String((server.address() as AddressInfo).port) };
}

describe('devaccess-proxy between stdin and stdout', () => {
  it('is 8-bit clean, a lone line feed included', async () => {
    const { server, port } = await serve((socket) => socket.pipe(socket));
    const child = person.start('devaccess-proxy', ['--target', person.bastionId, '--port', port]);
    const finished = collect(child);
    child.stdin.write('\n');
    await once(child.stdout, 'data');
    const every = Buffer.from(Array.from({ length: 256 * 64 }, (_, index) => index % 256));
    child.stdin.end(every);
    const run = await finished;
    server.close();
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout.equals(Buffer.concat([Buffer.from('\n'), every]))).toBe(true);
  });

  it('takes the target and the port as %h %p too', async () => {
    const { server, port } = await serve((socket) => socket.end('banner'));
    const run = await person.run('devaccess-proxy', [person.bastionId, port]);
    server.close();
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout.toString()).toBe('banner');
  });

  it('delivers the answer that comes after the end of input', async () => {
    const { server, port } = await serve((socket) => {
      let received = 0;
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received === 3_000_000) setTimeout(() => socket.end(`got ${received}`), 1000);
      });
    });
    const run = await person.run('devaccess-proxy', [person.bastionId, port], {
      input: Buffer.alloc(3_000_000, 7),
    });
    server.close();
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout.toString()).toBe('got 3000000');
  });

  it('ends the session when input has ended and the far end stays silent', async () => {
    const { server, port } = await serve((socket) => socket.resume());
    const run = await person.run('devaccess-proxy', [person.bastionId, port], { input: 'x' });
    server.close();
    expect(run).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends the session on %s', async (signal, code) => {
    const child = person.start('devaccess-proxy', [person.bastionId, '22']);
    const finished = collect(child);
    expect(await firstOutput(child)).toMatch(/^SSH-2.0-/);
    child.kill(signal);
    expect(await finished).toMatchObject({ code, stderr: '' });
    expect(person.openSessions()).toBe(0);
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)(
    'obeys %s while StartSession hangs in mid-answer',
    async (signal) => {
      let hasAnswered: () => void = () => undefined;
      const answering = new Promise<void>((resolve) => (hasAnswered = resolve));
      const { server, port } = await serve((socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{', hasAnswered);
        });
      });
      const child = person.start('devaccess-proxy', [person.bastionId, '22'], {
        AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      });
      const finished = collect(child);
      await answering;
      child.kill(signal);
      const run = await finished;
      server.close();
      expect(run).toMatchObject({ code: signal === 'SIGTERM' ? 143 : 129, stderr: '' });
    },
  );

  it('ends the session when its output is closed', async () => {
    const { server, port } = await serve((socket) => {
      const timer = setInterval(() => socket.write('tick\n'), 10);
      socket.on('close', () => clearInterval(timer));
      socket.on('error', () => undefined);
    });
    const child = person.start('devaccess-proxy', [person.bastionId, port]);
    const exited = once(child, 'exit');
    await firstOutput(child);
    child.stdout.destroy();
    await exited;
    server.close();
    expect(person.openSessions()).toBe(0);
  });

  it('holds a fast sender back while its own output is not read', async () => {
    let sent = 0;
    const { server, port } = await serve((socket) => {
      const pour = (): void => {
        while (socket.writable && sent < 64 * 1024 * 1024) {
          sent += 65_536;
          if (!socket.write(Buffer.alloc(65_536))) return;
        }
        socket.end();
      };
      socket.on('drain', pour);
      pour();
    });
    const child = person.start('devaccess-proxy', [person.bastionId, port]);
    child.stdin.end();
    const chunks: number[] = [];
    await once(child.stdout, 'readable');
    // Nothing is read; wait until the sender has stopped.
    let before = -1;
    await eventually('the sender is held back', async () => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const isStill = sent === before;
      before = sent;
      return isStill;
    });
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk.length));
    const [code] = (await once(child, 'close')) as [number];
    server.close();
    expect(code).toBe(0);
    expect(chunks.reduce((sum, length) => sum + length, 0)).toBe(64 * 1024 * 1024);
  });

  it('resumes after a cut and loses nothing', async () => {
    // Few messages in flight, as with the real agent's pace: it recovers only ten a second.
    const traveller = await Person.arrive({ agent: { windowMessages: 32 } });
    try {
      await traveller.startDay();
      const { server, port } = await serve((socket) => socket.pipe(socket));
      const child = traveller.start('devaccess-proxy', [traveller.bastionId, port]);
      const finished = collect(child);
      const data = Buffer.alloc(8 * 1024 * 1024);
      for (let at = 0; at < data.length; at += 4) data.writeUInt32BE(at, at);
      child.stdin.end(data);
      let received = 0;
      let cuts = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        received += chunk.length;
        const [session] = traveller.aws.sandbox.registry.list();
        const isDue = received > (cuts + 1) * 2_000_000;
        if (isDue && traveller.aws.gateway.cutClient(session!.sessionId)) cuts += 1;
      });
      const run = await finished;
      server.close();
      expect(run).toMatchObject({ code: 0, stderr: '' });
      expect(cuts).toBeGreaterThanOrEqual(2);
      expect(run.stdout.equals(data)).toBe(true);
      await traveller.noSessionIsOpen();
    } finally {
      await traveller.leave();
    }
  });
});

describe('what a person sees when devaccess-proxy fails', () => {
  const line = (stderr: string): string => {
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    return stderr.trimEnd();
  };

  it('wrong usage', async () => {
    const cases: [string[], string][] = [
      [[], 'no target given. [DA_USAGE]'],
      [['bastion', '22'], "'bastion' is not an instance id"],
      [['-x', '22'], "Unknown option '-x'"],
      [['i-0123456789abcdef0', '0'], "'0' is not a port"],
      [['i-0123456789abcdef0', '70000'], "'70000' is not a port"],
      [['i-0123456789abcdef0', '22', '--pace', 'fast'], "pace 'fast' is not"],
    ];
    for (const [args, text] of cases) {
      const run = await person.run('devaccess-proxy', args);
      expect(run.code).toBe(2);
      expect(line(run.stderr)).toContain(`devaccess-proxy: `);
      expect(run.stderr).toContain(text);
    }
  });

  it('a node that is not connected', async () => {
    const run = await person.run('devaccess-proxy', ['i-0123456789abcdef0', '22']);
    expect(run.code).toBe(1);
    expect(line(run.stderr)).toBe(
      'devaccess-proxy: i-0123456789abcdef0 is not connected to Systems Manager in us-east-1. [DA_TARGET_NOT_CONNECTED] Next: check that the instance runs, its SSM agent is online, and that the region and account are the right ones.',
    );
  });

  it('credentials without MFA', async () => {
    const run = await person.run('devaccess-proxy', [
      person.bastionId,
      '22',
      '--profile',
      'default-long-term',
    ]);
    expect(run.code).toBe(1);
    expect(line(run.stderr)).toMatch(
      /^devaccess-proxy: Access denied for SSM StartSession on i-\w+: User: arn:aws:iam::123456789012:user\/alice is not authorized .* \[DA_ACCESS_DENIED\] Next: sign in with MFA/,
    );
  });

  it('no credentials at all', async () => {
    const run = await person.run('devaccess-proxy', [
      person.bastionId,
      '22',
      '--profile',
      'nobody',
    ]);
    expect(run.code).toBe(3);
    expect(line(run.stderr)).toMatch(
      /\[DA_NO_CREDENTIALS\] Next: run devaccess mfa --profile nobody/,
    );
  });

  it('an endpoint that does not answer', async () => {
    const run = await person.run('devaccess-proxy', [person.bastionId, '22'], {
      env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
    });
    expect(run.code).toBe(1);
    expect(line(run.stderr)).toMatch(
      /Could not reach 127\.0\.0\.1:1 \(ECONNREFUSED\) \[DA_ENDPOINT_UNREACHABLE\]/,
    );
  });

  it('no region', async () => {
    const config = join(person.home, 'empty-config');
    writeFileSync(config, '');
    const run = await person.run('devaccess-proxy', [person.bastionId, '22'], {
      env: { AWS_REGION: '', AWS_CONFIG_FILE: config },
    });
    expect(run.code).toBe(1);
    expect(line(run.stderr)).toMatch(
      /^devaccess-proxy: No AWS region is configured\. \[DA_NO_REGION\]/,
    );
  });

  it('a port that nothing listens on', async () => {
    const { server, port } = await serve(() => undefined);
    server.close();
    await once(server, 'close');
    const child = person.start('devaccess-proxy', [person.bastionId, port]);
    const finished = collect(child);
    child.stdin.write('SSH-2.0-test\r\n');
    const run = await finished;
    expect(run.code).toBe(1);
    expect(line(run.stderr)).toBe(
      `devaccess-proxy: The agent on ${person.bastionId} answered, but nothing answers on port ${port} there. [DA_PORT_SILENT] Next: check that its server runs on ${person.bastionId} and listens on port ${port}.`,
    );
  });

  it('a remote host that the node cannot reach', async () => {
    const child = person.start('devaccess-proxy', [person.bastionId, '22', '--host', '10.9.9.9']);
    const run = await collect(child);
    expect(run.code).toBe(1);
    expect(line(run.stderr)).toMatch(
      /^devaccess-proxy: The agent on i-\w+ answered, but cannot reach 10\.9\.9\.9:22 from there\. \[DA_REMOTE_UNREACHABLE\]/,
    );
  });

  it('a session that the service ended', async () => {
    const child = person.start('devaccess-proxy', [person.bastionId, '22']);
    const finished = collect(child);
    await firstOutput(child);
    const [session] = person.aws.sandbox.registry
      .list()
      .filter(({ status }) => status !== 'Terminated');
    person.aws.sandbox.registry.terminate(session!.sessionId, 'Session timed out');
    const run = await finished;
    expect(run.code).toBe(1);
    expect(line(run.stderr)).toMatch(
      /ended by the service: Session timed out\. \[DA_SESSION_ENDED\]/,
    );
  });

  it('expired credentials', async () => {
    const stranger = await Person.arrive({ maxCredentialLifetimeMs: 2000 });
    try {
      const args = ['mfa', '--token', stranger.aws.sandbox.mfaCode(), '--json'];
      const { stdout } = await stranger.run('devaccess', args);
      const { expiration } = JSON.parse(stdout.toString()) as { expiration: string };
      await eventually('the session has expired', () => Date.now() > Date.parse(expiration) + 1000);
      const run = await stranger.run('devaccess-proxy', [stranger.bastionId, '22']);
      expect(run.code).toBe(3);
      expect(line(run.stderr)).toMatch(
        /have expired \[DA_CREDENTIALS_EXPIRED\] Next: run devaccess mfa/,
      );
    } finally {
      await stranger.leave();
    }
  });

  it('a connection that cannot be resumed', async () => {
    const stranger = await Person.arrive();
    try {
      await stranger.startDay();
      const child = stranger.start('devaccess-proxy', [stranger.bastionId, '22']);
      const finished = collect(child);
      await firstOutput(child);
      const [session] = stranger.aws.sandbox.registry.list();
      rmSync(join(stranger.home, '.aws', 'credentials'));
      stranger.aws.gateway.cutClient(session!.sessionId);
      const run = await finished;
      expect(run.code).toBe(3);
      expect(run.stderr.trimEnd().split('\n').at(-1)).toMatch(
        /could not be resumed: No AWS credentials .*\[DA_NO_CREDENTIALS\] Next: run devaccess mfa/,
      );
    } finally {
      await stranger.leave();
    }
  });
});
