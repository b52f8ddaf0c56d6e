import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { devaccess } from './cli.ts';
import type { CliRun } from './cli.ts';
import { FakeSsh } from './support/fake-ssh.ts';
import type { SshCall } from './support/fake-ssh.ts';
import { packet, ScriptedSftp, text, u32, u64 } from './support/scripted-sftp.ts';
import type { ScriptedNode, ScriptedOptions } from './support/scripted-sftp.ts';

const FAILURE = 4;
const OFFERED = {
  'posix-rename@openssh.com': '1',
  'statvfs@openssh.com': '2',
  'fsync@openssh.com': '1',
};

let home: string;
let here: string;
let fake: FakeSsh;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-copy-'));
  here = join(home, 'here');
  mkdirSync(here);
});
afterEach(async () => {
  await fake.close();
  rmSync(home, { recursive: true, force: true });
});

/** ssh that leads to a server in memory, and refuses to run commands. */
async function server(
  nodes: Record<string, ScriptedNode>,
  options: ScriptedOptions = {},
): Promise<ScriptedSftp> {
  const sftp = new ScriptedSftp(nodes, options);
  await ssh((call) => (call.isSftp ? sftp.serve(call) : call.exit(1)));
  return sftp;
}

async function ssh(onCall: (call: SshCall) => void): Promise<void> {
  fake = await FakeSsh.install(onCall);
}

function cp(...args: string[]): Promise<CliRun> {
  return devaccess(['cp', ...args], { env: { HOME: home, ...fake.env } });
}

interface Shown {
  error?: { code: string; message: string; next: string | null };
  failed?: { path: string; code: string }[];
}

async function cpJson(...args: string[]): Promise<Shown & { code: number | null }> {
  const { code, stdout } = await cp('--json', ...args);
  return { code, ...(JSON.parse(stdout) as Shown) };
}

describe('a server that lies', () => {
  it('cannot choose names outside of the destination, nor steer the terminal', async () => {
    const bad = ['../evil', '/etc/evil', 'a/b', '..', '.', '', 'new\nline', '\u001b[2Jx', 'a\0b'];
    await server({
      '/tree': { names: [...bad, Buffer.from([0xff, 0xfe]), 'good'] },
      '/tree/good': { data: Buffer.from('good') },
    });
    const run = await cp('-r', 'h:/tree', here);
    expect(run.code).toBe(4);
    expect(readdirSync(here, { recursive: true }).sort()).toEqual(['tree', 'tree/good']);
    expect(existsSync(join(home, 'evil'))).toBe(false);
    expect(run.stderr.match(/DA_BAD_NAME/g)).toHaveLength(8);
    expect(run.stdout + run.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  it('cannot write through a link that lies in the destination', async () => {
    const outside = join(home, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'victim'), 'untouched');
    mkdirSync(join(here, 'tree'));
    symlinkSync(outside, join(here, 'tree', 'folder'));
    symlinkSync(join(outside, 'victim'), join(here, 'tree', 'file'));
    await server({
      '/tree': {},
      '/tree/folder': {},
      '/tree/folder/new': { data: Buffer.from('x') },
      '/tree/file': { data: Buffer.from('file') },
    });
    const { code, failed } = await cpJson('-r', 'h:/tree', here);
    expect([code, failed?.map((failure) => failure.code)]).toEqual([4, ['DA_NOT_A_DIRECTORY']]);
    expect(readdirSync(outside)).toEqual(['victim']);
    expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched');
    expect(readFileSync(join(here, 'tree', 'file'), 'utf8')).toBe('file');
  });

  it.each([
    ['greets with text', () => Buffer.from('Welcome to h!\n')],
    ['sends a packet without end', () => u32(0x7fff_ffff)],
    ['sends nonsense', (id: number) => packet(77, u32(id))],
    ['answers what nobody asked', (id: number) => packet(101, u32(id + 9), u32(0))],
    [
      'tells a size no file has',
      (id: number) => packet(105, u32(id), u32(1), Buffer.alloc(8, 0xff)),
    ],
  ])('and %s is left', async (_, answer) => {
    await server(
      { '/file': { data: Buffer.from('x') } },
      { intercept: ({ type, id }) => (type === 'stat' ? answer(id) : undefined) },
    );
    const { code, error } = await cpJson('h:/file', here);
    expect([code, error?.code]).toEqual([1, 'DA_SFTP_PROTOCOL']);
    expect(readdirSync(here)).toEqual([]);
  });

  it('and sends other bytes the second time is found out', async () => {
    let reads = 0;
    await server(
      { '/file': { data: Buffer.from('first') } },
      {
        intercept: ({ type, id }) =>
          type === 'read' && (reads += 1) > 1 ? packet(103, u32(id), text('other')) : undefined,
      },
    );
    const { code, error } = await cpJson('h:/file', here);
    expect([code, error?.code]).toEqual([1, 'DA_CHECKSUM']);
    expect(readdirSync(here)).toEqual([]);
  });

  it('and loses what is written there is found out', async () => {
    writeFileSync(join(here, 'file'), 'content');
    const sftp = await server(
      { '/dir': {} },
      { intercept: ({ type }) => (type === 'write' ? 0 : undefined), extensions: OFFERED },
    );
    const { code, error } = await cpJson(join(here, 'file'), 'h:/dir/');
    expect([code, error?.code]).toEqual([1, 'DA_CHECKSUM']);
    expect([...sftp.nodes.keys()]).toEqual(['/dir']);
  });

  it('and tells a digest of something else is read back', async () => {
    const data = randomBytes(2_000_000);
    const sftp = new ScriptedSftp({ '/file': { data } });
    await ssh((call) => {
      if (call.isSftp) {
        sftp.serve(call);
        return;
      }
      call.stdout('Welcome!\ndevaccess-sha256\n');
      call.onInput(() => call.stdout(`${'0'.repeat(64)}\n`));
    });
    const run = await cp('h:/file', here);
    expect([run.code, run.stdout]).toEqual([0, expect.stringContaining('verified by read-back')]);
    expect(readFileSync(join(here, 'file')).equals(data)).toBe(true);
  });

  it('answers with less than asked, and is asked again', async () => {
    const data = randomBytes(100_000);
    const sftp = await server(
      { '/file': { data } },
      {
        intercept: ({ type, id, offset, length }) =>
          type === 'read'
            ? packet(103, u32(id), text(data.subarray(offset, offset + Math.min(length, 7000))))
            : undefined,
      },
    );
    expect((await cp('h:/file', here)).code).toBe(0);
    expect(readFileSync(join(here, 'file')).equals(data)).toBe(true);
    expect(sftp.nodes.size).toBe(1);
  });
});

describe('a file that changes while it is copied', () => {
  it.each([
    ['shrinks', { data: Buffer.alloc(100_000), mtime: 5 }],
    ['is written again', { data: Buffer.alloc(200_000), mtime: 6 }],
  ])('because it %s gets no copy', async (_, later) => {
    const sftp: ScriptedSftp = await server(
      { '/file': { data: Buffer.alloc(200_000), mtime: 5 } },
      {
        intercept: ({ type }) => {
          if (type === 'read') sftp.nodes.set('/file', later);
          return undefined;
        },
      },
    );
    const { code, error } = await cpJson('h:/file', join(here, 'copy'));
    expect([code, error?.code]).toEqual([1, 'DA_SOURCE_CHANGED']);
    expect(readdirSync(here)).toEqual([]);
  });
});

describe('a server that refuses', () => {
  it('one file gives the others', async () => {
    await server(
      { '/d': {}, '/d/a': { data: Buffer.from('a') }, '/d/b': { data: Buffer.from('b') } },
      { intercept: ({ type, path }) => (type === 'open' && path === '/d/a' ? 3 : undefined) },
    );
    const { code, failed } = await cpJson('-r', 'h:/d', here);
    expect(code).toBe(4);
    expect(failed).toMatchObject([{ path: 'h:/d/a', code: 'DA_REMOTE_PERMISSION' }]);
    expect(readdirSync(join(here, 'd'))).toEqual(['b']);
  });

  it('because its disk is full says so, and keeps what is there', async () => {
    writeFileSync(join(here, 'file'), randomBytes(200_000));
    let writes = 0;
    let isFull = true;
    const sftp = await server(
      { '/d': {} },
      {
        extensions: OFFERED,
        intercept: ({ type, id }) => {
          if (type === 'write' && isFull && (writes += 1) > 3) return FAILURE;
          const free = [4096, 4096, 100, 0, 0, 0, 0, 0, 0, 0, 255];
          return type === 'statvfs@openssh.com'
            ? packet(201, u32(id), ...free.map((value) => u64(value)))
            : undefined;
        },
      },
    );
    const { code, error } = await cpJson(join(here, 'file'), 'h:/d');
    expect([code, error?.code]).toEqual([1, 'DA_REMOTE_DISK_FULL']);
    expect([...sftp.nodes.keys()].join()).toMatch(/^\/d,\/d\/\.file\..*\.devaccess-part$/);
    isFull = false;
    const { stdout } = await cp('--json', join(here, 'file'), 'h:/d');
    expect(JSON.parse(stdout)).toMatchObject({ files: 1, resumedBytes: 3 * 32_768 });
    expect(sftp.nodes.get('/d/file')?.data?.equals(readFileSync(join(here, 'file')))).toBe(true);
  });

  it('atomic renames gets an ordinary one', async () => {
    writeFileSync(join(here, 'file'), 'new');
    const sftp = await server({ '/file': { data: Buffer.from('old') } });
    expect((await cp(join(here, 'file'), 'h:/file')).code).toBe(0);
    expect(sftp.nodes.get('/file')?.data?.toString()).toBe('new');
    expect(sftp.nodes.size).toBe(1);
  });
});

describe('ssh that fails', () => {
  it.each([
    ['Host key verification failed.', 'DA_SSH_HOST_KEY'],
    ['me@h: Permission denied (publickey).', 'DA_SSH_AUTH'],
    ['subsystem request failed on channel 0', 'DA_NO_SFTP'],
    ['ssh: connect to host h port 22: Connection refused', 'DA_SSH_CONNECT'],
  ])('with %j is shown, and named', async (line, code) => {
    await ssh((call) => {
      call.stderr(`${line}\r\n`);
      call.exit(255);
    });
    const run = await cp('h:/file', here);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(`${line}\n`);
    expect(run.stderr).toContain(`[${code}]`);
    expect(fake.calls).toHaveLength(1);
  });

  it('for all but the first connection leaves that one', async () => {
    const data = randomBytes(3_000_000);
    const sftp = new ScriptedSftp({ '/file': { data } });
    await ssh((call) => {
      if (!call.isBatch) sftp.serve(call);
      else {
        call.stderr('me@h: Permission denied (password).\n');
        call.exit(255);
      }
    });
    const run = await cp('--sessions', '8', 'h:/file', here);
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/1 of 3 sessions could be opened .*does not let you in/);
    expect(readFileSync(join(here, 'file')).equals(data)).toBe(true);
    // One for the digest, one to try: no more knocking at a door that stays closed.
    expect(fake.calls.filter((call) => call.isBatch)).toHaveLength(2);
  });

  it('again and again in the middle is given up, and what is there is used later', async () => {
    const data = randomBytes(3_000_000);
    let budget = 40;
    const sftp = new ScriptedSftp(
      { '/file': { data } },
      {
        intercept: ({ type }, call) => {
          if (type !== 'read' || (budget -= 1) >= 0) return undefined;
          call.exit(255);
          return 'ignore';
        },
      },
    );
    await ssh((call) => (call.isSftp ? sftp.serve(call) : call.exit(1)));
    const { code, error } = await cpJson('--sessions', '2', 'h:/file', here);
    expect([code, error?.code]).toEqual([1, 'DA_COPY_INTERRUPTED']);
    expect(error?.next).toContain('the same command goes on where it stopped');
    expect(readdirSync(here)).toHaveLength(1);
    expect(statSync(join(here, readdirSync(here)[0]!)).mode & 0o777).toBe(0o600);
    budget = Infinity;
    const again = await cp('--json', '--sessions', '2', 'h:/file', here);
    expect(again.code).toBe(0);
    const { resumedBytes } = JSON.parse(again.stdout) as { resumedBytes: number };
    expect(resumedBytes).toBeGreaterThan(500_000);
    expect(readdirSync(here)).toEqual(['file']);
    expect(readFileSync(join(here, 'file')).equals(data)).toBe(true);
  });

  it('and is not there is named', async () => {
    await ssh(() => undefined);
    const { code, stdout } = await devaccess(['cp', '--json', 'h:/file', here], {
      env: { HOME: home, PATH: here },
    });
    expect([code, (JSON.parse(stdout) as Shown).error?.code]).toEqual([1, 'DA_NO_SSH']);
  });

  it('is never handed a name as an option', async () => {
    await ssh(() => undefined);
    for (const operand of ['-oProxyCommand=id:x', '-J@h:x', 'x@-oa=b:y']) {
      const { code, error } = await cpJson('--', operand, here);
      expect([code, error?.code]).toEqual([2, 'DA_USAGE']);
    }
    expect(fake.calls).toEqual([]);
  });
});
