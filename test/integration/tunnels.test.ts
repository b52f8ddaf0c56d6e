import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask, echo, freePort, serve } from './support/far-server.ts';
import type { FarServer } from './support/far-server.ts';
import { collect, eventually, Person } from './support/person.ts';
import { RunningCommand } from './support/running-command.ts';

let person: Person;
let far: FarServer;
const running: RunningCommand<EventLine>[] = [];

beforeAll(async () => {
  person = await Person.arrive();
  await person.startDay();
  far = await serve(echo);
});
afterAll(async () => {
  far.server.close();
  await person.leave();
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
  await person.noSessionIsOpen();
});

function configure(toml: string, who = person): string {
  const folder = join(who.home, '.config', 'devaccess');
  const path = join(folder, 'config.toml');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // A new file, as a test may have changed the mode of the old one.
  rmSync(path, { force: true });
  writeFileSync(path, toml, { mode: 0o600 });
  return path;
}

function tunnel(name: string, ports: (string | number)[], more = ''): string {
  return `[tunnels.${name}]\nhost = "bastion"\nports = ${JSON.stringify(ports)}\n${more}\n`;
}

interface EventLine {
  tunnel?: string;
  event: string;
  port?: number;
  address?: string;
  owner?: string;
  reason?: string;
}

/** Runs `devaccess tunnels up … --json` until the test ends. */
function tunnelsUp(
  args: string[] = [],
  env: Record<string, string> = {},
  who = person,
): RunningCommand<EventLine> {
  const tunnels = new RunningCommand<EventLine>(who, ['tunnels', 'up', ...args], env);
  running.push(tunnels);
  return tunnels;
}

describe('devaccess tunnels up', () => {
  it('opens all tunnels of the config file, and ends all with Ctrl-C', async () => {
    const [first, second] = [await freePort(), await freePort()];
    configure(
      tunnel('db', [`${first}:${far.port}`, `${second}:${far.port}`]) +
        tunnel('web', [`0:${far.port}`], 'sessions = 2'),
    );
    const tunnels = tunnelsUp();
    await tunnels.event('listening', 3);
    expect(await ask(first, 'one')).toBe('one');
    expect(await ask(second, 'two')).toBe('two');
    const web = tunnels.events.find(
      ({ tunnel, event }) => tunnel === 'web' && event === 'listening',
    );
    expect(await ask(web!.port!, 'three')).toBe('three');
    expect(person.openSessions()).toBe(4);
    expect(await tunnels.stop()).toMatchObject({ code: 0, stderr: '' });
    expect(person.openSessions()).toBe(0);
  });

  it('opens those that are named, to what is behind a bastion or listens on a socket', async () => {
    const path = join(person.home, 'web.sock');
    configure(
      tunnel('db', ['1:1']) +
        tunnel('web', [far.port], 'unix = "~/web.sock"') +
        '[tunnels.ssh]\nhost = "someserver"\nports = ["0:22"]\n',
    );
    const tunnels = tunnelsUp(['ssh', 'web']);
    await tunnels.event('listening', 2);
    const { port } = tunnels.events.find(
      ({ tunnel, event }) => tunnel === 'ssh' && event === 'listening',
    )!;
    expect(await ask(port!, '')).toMatch(/^SSH-2\.0-/);
    const socket = connect(path);
    socket.write('through a socket');
    expect(String((await once(socket, 'data'))[0])).toBe('through a socket');
    socket.destroy();
  });

  it('opens none when one cannot be opened', async () => {
    configure(
      tunnel('good', [`0:${far.port}`]) +
        tunnel('busy', [`${far.port}:80`]) +
        tunnel('fine', [`0:${far.port}`]),
    );
    const run = await person.run('devaccess', ['tunnels', 'up']);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(`127.0.0.1:${far.port} is in use already. [DA_PORT_BUSY]`);
    expect(person.openSessions()).toBe(0);
  });

  it('says plainly what happens where there is no terminal', async () => {
    configure(tunnel('db', [`0:${far.port}`]));
    const child = person.start('devaccess', ['tunnels', 'up'], { TERM: 'xterm' });
    const finished = collect(child);
    const [line] = (await once(createInterface({ input: child.stderr }), 'line')) as [string];
    expect(line).toMatch(/^db: listening on 127\.0\.0\.1:\d+, to localhost:\d+ through i-/);
    child.kill('SIGTERM');
    const { code, stdout, stderr } = await finished;
    expect([code, stdout.toString()]).toEqual([0, '']);
    expect(stderr).toMatch(/\nclosed db\n$/);
    expect(stderr).not.toContain('\u001b');
  });

  it('ends at once while it is still opening', async () => {
    configure(tunnel('db', [`0:${far.port}`], 'sessions = 8'));
    const child = person.start('devaccess', ['tunnels', 'up']);
    const finished = collect(child);
    await eventually('a session is starting', () => person.openSessions() > 0);
    child.kill('SIGINT');
    expect((await finished).code).toBe(0);
    await person.noSessionIsOpen();
  });

  it('announces the end of the credentials, and goes on with renewed ones', async () => {
    configure(tunnel('db', [`0:${far.port}`]));
    const file = join(person.home, '.aws', 'credentials');
    const before = readFileSync(file, 'utf8');
    const until = (ms: number): string =>
      new Date(Date.now() + ms).toISOString().slice(0, 19).replace('T', ' ');
    const setExpiration = (ms: number): void =>
      writeFileSync(file, before.replace(/^expiration = .*$/m, `expiration = ${until(ms)}`));
    setExpiration(10 * 60_000);
    const tunnels = tunnelsUp();
    expect(await tunnels.event('credentials-ending')).toMatchObject({
      owner: 'default',
      renew: 'devaccess mfa',
    });
    const { port } = await tunnels.event('listening');
    // Keys that AWS does not take any more; the session is gone, too.
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(/^aws_session_token = ./m, 'aws_session_token = X'),
    );
    setSessionsEnded();
    await tunnels.event('session-ended');
    const socket = connect(port!, '127.0.0.1');
    await once(socket, 'error');
    await tunnels.event('session-failed');
    writeFileSync(file, before);
    expect(await ask(port!, 'renewed')).toBe('renewed');
    await tunnels.event('credentials-renewed');
  });

  it('keeps open connections when the MFA session ends, until it is renewed', async () => {
    let clockOffsetMs = 0;
    const other = await Person.arrive({
      maxCredentialLifetimeMs: 100_000,
      now: () => Date.now() + clockOffsetMs,
    });
    try {
      await other.startDay();
      configure(tunnel('db', [`0:${far.port}`]), other);
      const tunnels = tunnelsUp([], {}, other);
      const { port } = await tunnels.event('listening');
      const socket = connect(port!, '127.0.0.1');
      socket.write('before');
      await once(socket, 'data');
      clockOffsetMs = 101_000;
      const file = join(other.home, '.aws', 'credentials');
      const over = readFileSync(file, 'utf8').replace(/^(expiration = )2.../m, '$12000');
      writeFileSync(file, over);
      const [session] = other.aws.sandbox.registry.list().slice(-1);
      expect(other.aws.gateway.cutClient(session!.sessionId)).toBe(true);
      await tunnels.event('reconnecting');
      socket.write('after');
      const answer = once(socket, 'data') as Promise<[Buffer]>;
      // For seconds, a session that is refused is tried again anyway.
      const patience = new Promise((resolve) => setTimeout(resolve, 8_000));
      expect(await Promise.race([tunnels.event('session-ended'), patience])).toBeUndefined();
      const mfa = await other.run('devaccess', ['mfa', '--token', other.aws.sandbox.mfaCode()]);
      expect(mfa).toMatchObject({ code: 0 });
      expect((await answer)[0].toString()).toBe('after');
      await tunnels.event('reconnected');
      socket.destroy();
      await tunnels.stop();
    } finally {
      await other.leave();
    }
  });

  it.each([
    [['bd'], 2, "There is no tunnel 'bd'", 'did you mean db?'],
    [['--detatch'], 2, 'Nonexistent flag', ''],
  ])('explains %j', async (args, code, ...texts) => {
    configure(tunnel('db', [80]));
    const run = await person.run('devaccess', ['tunnels', 'up', ...args]);
    expect(run.code).toBe(code);
    for (const text of texts) expect(run.stderr).toContain(text);
  });

  it.each([
    ['', 2, 'There are no tunnels in'],
    [
      '[tunnels.db]\nhost = "bastion"\nport = 80\n',
      1,
      'config.toml:3: tunnels.db.port is not a key; did you mean ports?',
    ],
    ['[tunnels.db]\nhost = "nowhere"\nports = [80]\n', 2, "Tunnel db: There is no host 'nowhere'"],
    ['[tunnels.db]\nhost = "someserver"\nports = [80]\nremote-host = "x"\n', 2, 'Tunnel db: '],
  ])('explains the config %j', async (toml, code, text) => {
    configure(toml);
    const run = await person.run('devaccess', ['tunnels', 'up']);
    expect(run.code).toBe(code);
    expect(run.stderr).toContain(text);
  });

  it('uses no config file that others may write', async () => {
    const path = configure(tunnel('db', [80]));
    chmodSync(path, 0o666);
    const run = await person.run('devaccess', ['tunnels', 'up']);
    expect(run).toMatchObject({ code: 1 });
    expect(run.stderr).toContain(`Others may write ${path} [DA_CONFIG_UNSAFE] Next: chmod go-w`);
  });
});

/** As an idle timeout does. */
function setSessionsEnded(): void {
  const { registry } = person.aws.sandbox;
  for (const { sessionId } of registry.list()) registry.terminate(sessionId, 'Session timed out');
}

describe('the live view', () => {
  it('is drawn on a terminal, follows its size, and leaves it as it was', async () => {
    configure(tunnel('db', [`0:${far.port}`]));
    const command = person.command('devaccess', ['tunnels', 'up']);
    const child = spawn('script', ['-qec', `stty cols 60 rows 20; ${command}`, '/dev/null'], {
      env: person.env({ TERM: 'xterm', LANG: 'C.UTF-8' }),
      cwd: person.home,
    });
    const finished = collect(child);
    let screen = '';
    child.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString()));
    await eventually('the view', () => screen.includes('●'));
    expect(screen).toMatch(/TUNNEL +LOCAL/);
    for (const line of screen.split(/[\r\n]+/)) {
      expect(line.replaceAll(/\u001b\[[?\d;]*[A-Za-z]/g, '').length).toBeLessThanOrEqual(60);
    }
    child.stdin.write('\u0003');
    const { stdout } = await finished;
    expect(stdout.toString()).toMatch(/closed db\r\n$/);
    expect(stdout.toString().lastIndexOf('\u001b[?7h')).toBeGreaterThan(
      stdout.toString().lastIndexOf('\u001b[?7l'),
    );
  });
});
