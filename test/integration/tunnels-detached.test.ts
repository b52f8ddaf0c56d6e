import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/session/tunnels/run-record.ts';
import { collect, eventually, Person } from './support/person.ts';
import { PersonAtTerminal } from './support/person-at-terminal.ts';

let person: Person;
let echo: Server;
let echoPort: number;
let folder: string;
const helpers: ChildProcess[] = [];
const servers: (() => void)[] = [];

beforeAll(async () => {
  person = await Person.arrive();
  await person.startDay();
  folder = join(person.home, '.local', 'state', 'devaccess', 'tunnels');
  echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  echoPort = (echo.address() as AddressInfo).port;
});
afterAll(async () => {
  echo.close();
  await person.leave();
});
afterEach(async () => {
  for (const helper of helpers.splice(0)) helper.kill('SIGKILL');
  for (const close of servers.splice(0)) close();
  await tunnels('down');
  await person.noSessionIsOpen();
  expect(files()).toEqual([]);
});

/**
 * What processes have left in the state folder, but for their log, and for a lock that one held
 * when it was killed: whoever needs it next takes it over.
 */
function files(): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => !name.startsWith('log') && !name.endsWith('.lock'));
}

function records(): RunRecord[] {
  return files()
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as RunRecord);
}

/** Whether a process does anything yet; one that nobody has waited for does not. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
}

function configure(toml: string): void {
  const config = join(person.home, '.config', 'devaccess');
  mkdirSync(config, { recursive: true, mode: 0o700 });
  writeFileSync(join(config, 'config.toml'), toml, { mode: 0o600 });
}

function tunnel(name: string, ports: (string | number)[], more = ''): string {
  return `[tunnels.${name}]\nhost = "bastion"\nports = ${JSON.stringify(ports)}\n${more}\n`;
}

function tunnels(...args: string[]) {
  return person.run('devaccess', ['tunnels', ...args]);
}

interface UpResult {
  pid: number;
  tunnels: { name: string; listeners: { listen: string }[]; sessionIds: string[] }[];
  alreadyUp: { name: string; isOutdated: boolean }[];
}

/** `tunnels up --detach --json`, which must succeed. */
async function up(...names: string[]): Promise<UpResult> {
  const { code, stdout, stderr } = await tunnels('up', ...names, '--detach', '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout.toString()) as UpResult;
}

interface Listed {
  name: string;
  state: string;
  pid: number | null;
  sessionIds: string[];
  since: string | null;
  problem: string | null;
  listeners: { connections: number; bytes: { up: number; down: number } }[];
}

async function status(...names: string[]): Promise<Listed[]> {
  const { stdout } = await tunnels('status', ...names, '--json');
  return (JSON.parse(stdout.toString()) as { tunnels: Listed[] }).tunnels;
}

function portOf({ tunnels }: UpResult, name: string): number {
  const listen = tunnels.find((tunnel) => tunnel.name === name)!.listeners[0]!.listen;
  return Number(listen.split(':')[1]);
}

async function ask(port: number, question: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(question);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString();
}

function openSessionIds(): string[] {
  return person.aws.sandbox.registry
    .list()
    .filter(({ status }) => status !== 'Terminated')
    .map(({ sessionId }) => sessionId);
}

/** An AWS that never answers. */
async function silentEndpoint(): Promise<{ AWS_ENDPOINT_URL: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    servers.push(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(() => server.close());
  return { AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('devaccess tunnels up --detach', () => {
  it('comes back when all are open, and leaves them to a process without a terminal', async () => {
    configure(tunnel('db', [`0:${echoPort}`]) + tunnel('web', [`0:${echoPort}`]));
    const result = await up();
    expect(await ask(portOf(result, 'db'), 'one')).toBe('one');
    expect(await ask(portOf(result, 'web'), 'two')).toBe('two');
    const stat = readFileSync(`/proc/${result.pid}/stat`, 'utf8');
    const [, , group, session, terminal] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    expect([group, session, terminal]).toEqual([String(result.pid), String(result.pid), '0']);
    for (const name of readdirSync(folder))
      expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('tells status what is carried, and down ends it and waits for that', async () => {
    configure(
      tunnel('db', [`0:${echoPort}`]) + tunnel('web', [`0:${echoPort}`]) + tunnel('idle', [1]),
    );
    const result = await up('db', 'web');
    const socket = connect(portOf(result, 'db'), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('x'.repeat(1000));
    await once(socket, 'data');
    const [db, web, idle] = await status();
    expect(db).toMatchObject({ name: 'db', state: 'up', pid: result.pid, problem: null });
    expect(db!.listeners).toMatchObject([{ connections: 1, bytes: { up: 1000, down: 1000 } }]);
    expect(db!.sessionIds).toEqual(result.tunnels[0]!.sessionIds);
    expect(Date.parse(db!.since!)).toBeGreaterThan(Date.now() - 60_000);
    expect(web).toMatchObject({ name: 'web', state: 'up' });
    expect(idle).toMatchObject({ name: 'idle', state: 'down', pid: null });

    const one = await tunnels('down', 'db', 'idle');
    expect([one.code, one.stdout.toString(), one.stderr]).toEqual([
      0,
      'db: closed\n',
      'idle is not up\n',
    ]);
    expect(openSessionIds()).toEqual(result.tunnels[1]!.sessionIds);
    expect(isAlive(result.pid)).toBe(true);
    expect(await ask(portOf(result, 'web'), 'still')).toBe('still');

    const other = await tunnels('down');
    expect([other.code, other.stdout.toString()]).toEqual([0, 'web: closed\n']);
    expect(openSessionIds()).toEqual([]);
    expect(isAlive(result.pid)).toBe(false);
    expect((await status()).map(({ state }) => state)).toEqual(['down', 'down', 'down']);
    socket.destroy();
  });

  it('fails with the error of the one that failed, and leaves nothing', async () => {
    configure(
      tunnel('good', [`0:${echoPort}`]) +
        tunnel('busy', [`${echoPort}:80`]) +
        tunnel('fine', [`0:${echoPort}`]),
    );
    const run = await tunnels('up', '--detach');
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(`127.0.0.1:${echoPort} is in use already. [DA_PORT_BUSY]`);
    expect(openSessionIds()).toEqual([]);
    expect(files()).toEqual([]);
    configure('[tunnels.x]\nhost = "i-0123456789abcdef0"\nports = ["0:80"]\n');
    const other = await tunnels('up', '--detach', '--json');
    expect(other.code).toBe(1);
    expect(JSON.parse(other.stdout.toString())).toMatchObject({
      error: { code: 'DA_TARGET_NOT_CONNECTED' },
    });
  });

  it('says of a tunnel that is up already that it is, and opens the others', async () => {
    configure(tunnel('db', [`0:${echoPort}`]) + tunnel('web', [`0:${echoPort}`]));
    const { pid } = await up('db');
    const again = await tunnels('up', 'db', '--detach');
    expect([again.code, again.stderr]).toEqual([
      0,
      `db is up already (detached, process ${pid})\n`,
    ]);
    expect(await up()).toMatchObject({
      alreadyUp: [{ name: 'db', isOutdated: false }],
      tunnels: [{ name: 'web' }],
    });
    configure(tunnel('db', [`0:${echoPort}`, '0:22']));
    const changed = await tunnels('up', 'db');
    expect(changed.code).toBe(0);
    expect(changed.stderr).toContain(
      "its settings have changed since: run 'devaccess tunnels down db'",
    );
  });

  it('lets one of two that start at once have a tunnel', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const runs = await Promise.all([1, 2, 3].map(() => tunnels('up', '--detach', '--json')));
    const winners = runs.filter(({ stdout }) => stdout.toString().includes('"listen"'));
    expect(winners).toHaveLength(1);
    for (const { code, stdout } of runs.filter((run) => !winners.includes(run))) {
      if (code === 1) expect(stdout.toString()).toContain('DA_TUNNEL_UP');
      else expect(stdout.toString()).toContain('"alreadyUp"');
    }
    expect(records()).toHaveLength(1);
    expect(openSessionIds()).toHaveLength(1);
  });

  it('gives up with its parent while it is opening', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const silent = await silentEndpoint();
    const child = person.start('devaccess', ['tunnels', 'up', '--detach'], silent);
    const finished = collect(child);
    await eventually('it begins', () => records().length > 0);
    const [record] = records();
    child.kill('SIGKILL');
    await finished;
    await eventually('its process ends', () => !isAlive(record!.process.pid));
  });

  it('is given up with Ctrl-C while it is opening', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const child = person.start('devaccess', ['tunnels', 'up', '--detach'], await silentEndpoint());
    const finished = collect(child);
    await eventually('it begins', () => records().length > 0);
    const [record] = records();
    child.kill('SIGINT');
    expect(await finished).toMatchObject({ code: 130, stderr: '' });
    expect(isAlive(record!.process.pid)).toBe(false);
  });

  it('survives its terminal', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const terminal = new PersonAtTerminal(person);
    await terminal.sees('local> ');
    terminal.type(`${person.command('devaccess', ['tunnels', 'up', '-d'])}\r`);
    await terminal.sees("open until 'devaccess tunnels down'");
    await terminal.sees('local> ');
    terminal.leave();
    const [db] = await status();
    expect(db).toMatchObject({ name: 'db', state: 'up' });
  });
});

describe('after a kill -9', () => {
  it('down ends the sessions that were left open', async () => {
    configure(tunnel('db', [`0:${echoPort}`], 'sessions = 2'));
    const { pid } = await up();
    const left = openSessionIds();
    process.kill(pid, 'SIGKILL');
    await eventually('it is gone', () => !isAlive(pid));
    const [db] = await status();
    expect(db).toMatchObject({ name: 'db', state: 'gone' });
    expect([...db!.sessionIds].sort()).toEqual([...left].sort());
    const text = (await tunnels('status')).stdout.toString();
    expect(text).toContain(
      "db: its process was killed, and 2 sessions may be open: run 'devaccess tunnels down db'",
    );
    const down = await tunnels('down', '--json');
    expect(down.code).toBe(0);
    expect(JSON.parse(down.stdout.toString())).toMatchObject({
      ended: [{ name: 'db', how: 'cleared' }],
      leftSessions: [],
    });
    expect(openSessionIds()).toEqual([]);
  });

  it('up starts again, and ends what was left open', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const { pid } = await up();
    const [left] = openSessionIds();
    process.kill(pid, 'SIGKILL');
    await eventually('it is gone', () => !isAlive(pid));
    const result = await up();
    expect(await ask(portOf(result, 'db'), 'again')).toBe('again');
    expect(openSessionIds()).toEqual(result.tunnels[0]!.sessionIds);
    expect(openSessionIds()).not.toContain(left);
  });

  it('does not take another process for the one that had its number', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const { pid } = await up();
    const [record] = records();
    process.kill(pid, 'SIGKILL');
    await eventually('it is gone', () => !isAlive(pid));
    const stranger = spawn('sleep', ['600']);
    helpers.push(stranger);
    const reused = { ...record!, process: { ...record!.process, pid: stranger.pid! } };
    writeFileSync(join(folder, `${record!.id}.json`), JSON.stringify(reused));
    expect((await status())[0]).toMatchObject({ state: 'gone' });
    expect((await tunnels('down')).stdout.toString()).toContain('db: its process was gone already');
    expect(isAlive(stranger.pid!)).toBe(true);
  });

  it('says which sessions it could not end', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const { pid } = await up();
    const [left] = openSessionIds();
    process.kill(pid, 'SIGKILL');
    const credentials = join(person.home, '.aws', 'credentials');
    const before = readFileSync(credentials, 'utf8');
    writeFileSync(credentials, before.replace(/^aws_session_token = ./m, 'aws_session_token = X'));
    const down = await tunnels('down');
    writeFileSync(credentials, before);
    expect(down.code).toBe(4);
    expect(down.stderr).toContain(
      `session ${left} of a process that was killed could not be ended`,
    );
    person.aws.sandbox.registry.terminate(left!, '');
  });
});

describe('a process that hangs', () => {
  it('is shown as such, and killed by down, with its sessions', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const { pid } = await up();
    process.kill(pid, 'SIGSTOP');
    expect((await status())[0]).toMatchObject({ name: 'db', state: 'hung', pid });
    const again = await tunnels('up', '--detach');
    expect(again.stderr).toContain(`process ${pid}), but its process does not answer: run`);
    const down = await tunnels('down', 'db');
    expect([down.code, down.stdout.toString()]).toEqual([
      0,
      'db: closed; its process hung and was killed\n',
    ]);
    expect(isAlive(pid)).toBe(false);
    expect(openSessionIds()).toEqual([]);
  });
});

describe('the state folder', () => {
  it('is not used when others could have put things there', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777);
    const run = await tunnels('up', '--detach');
    chmodSync(folder, 0o700);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(`Others could have put things into ${folder} [DA_FOLDER_UNSAFE]`);
  });

  it('may be too deep for a socket', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const XDG_STATE_HOME = join(person.home, 'deep'.repeat(20), 'er'.repeat(20));
    const run = (...args: string[]) =>
      person.run('devaccess', ['tunnels', ...args], { env: { XDG_STATE_HOME } });
    expect((await run('up', '--detach')).stderr).toContain('open until');
    const found = (await run('status')).stdout.toString();
    expect(found).toMatch(/^db +up /m);
    const [name] = readdirSync(join(XDG_STATE_HOME, 'devaccess', 'tunnels')).filter((file) =>
      file.endsWith('.json'),
    );
    const record = JSON.parse(
      readFileSync(join(XDG_STATE_HOME, 'devaccess', 'tunnels', name!), 'utf8'),
    ) as RunRecord;
    expect(statSync(join(record.socketPath, '..')).mode & 0o777).toBe(0o700);
    expect((await run('down')).stdout.toString()).toBe('db: closed\n');
    expect(existsSync(join(record.socketPath, '..'))).toBe(false);
    rmSync(XDG_STATE_HOME, { recursive: true });
  });
});

describe('a foreground run', () => {
  it('is seen by status, and ended by down', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const child = person.start('devaccess', ['tunnels', 'up']);
    const finished = collect(child);
    await eventually('it is up', async () => (await status())[0]?.state === 'up');
    const other = await tunnels('up');
    expect([other.code, other.stderr]).toEqual([
      0,
      `db is up already (in another terminal, process ${child.pid})\n`,
    ]);
    expect((await tunnels('down', 'db')).stdout.toString()).toBe('db: closed\n');
    expect(await finished).toMatchObject({ code: 0 });
  });

  it('ends its sessions when its terminal is closed', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const terminal = new PersonAtTerminal(person);
    await terminal.sees('local> ');
    terminal.type(`exec ${person.command('devaccess', ['tunnels', 'up'])}\r`);
    await terminal.sees('●');
    expect(openSessionIds()).toHaveLength(1);
    terminal.hangUp();
    await person.noSessionIsOpen();
    await eventually('it is gone', () => files().length === 0);
  });
});

describe('devaccess tunnels status', () => {
  it('tells a name that is none from a tunnel that is down', async () => {
    configure(tunnel('db', [80]));
    expect((await tunnels('status', 'db')).code).toBe(0);
    const other = await tunnels('status', 'bd');
    expect([other.code, other.stderr]).toEqual([
      2,
      "devaccess: There is no tunnel 'bd' [DA_TUNNEL_UNKNOWN] Next: there is db\n",
    ]);
  });

  it('shows what runs even when the config file is broken', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    await up();
    configure('[tunnels');
    const { code, stdout, stderr } = await tunnels('status');
    expect([code, stderr]).toEqual([0, expect.stringContaining('DA_CONFIG_INVALID')]);
    expect(stdout.toString()).toMatch(/^db +up /m);
    expect((await tunnels('down')).stdout.toString()).toBe('db: closed\n');
  });
});

describe('the end of credentials', () => {
  it('is told by status', async () => {
    configure(tunnel('db', [`0:${echoPort}`]));
    const credentials = join(person.home, '.aws', 'credentials');
    const before = readFileSync(credentials, 'utf8');
    const soon = new Date(Date.now() + 600_000).toISOString().slice(0, 19).replace('T', ' ');
    writeFileSync(credentials, before.replace(/^expiration = .*$/m, `expiration = ${soon}`));
    await up();
    const { stderr } = await tunnels('status');
    writeFileSync(credentials, before);
    expect(stderr).toMatch(/^the session of default ends in \d+ min; run devaccess mfa\n$/);
  });
});
