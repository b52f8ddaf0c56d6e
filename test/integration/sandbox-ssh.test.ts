import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newKeyPair } from '../../src/sandbox/ssh/key-pair.ts';
import { startSshHosts } from '../../src/sandbox/ssh/ssh-hosts.ts';
import type { SshHost, SshHosts } from '../../src/sandbox/ssh/ssh-hosts.ts';
import { hasSystemSshd } from '../../src/sandbox/ssh/system-sshd.ts';

let directory: string;
let hosts: SshHosts;
let app: SshHost;

function sshOptions(key = 'key'): string[] {
  return [
    '-F',
    '/dev/null',
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'LogLevel=ERROR',
    '-o',
    'BatchMode=yes',
    '-i',
    join(directory, key),
  ];
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'devaccess-ssh-'));
  const key = newKeyPair('test');
  await writeFile(join(directory, 'key'), key.private, { mode: 0o600 });
  await writeFile(join(directory, 'key.pub'), key.public);
  const stranger = newKeyPair('test');
  await writeFile(join(directory, 'stranger'), stranger.private, { mode: 0o600 });
  hosts = await startSshHosts({
    hosts: [
      { instanceId: 'i-bastion', name: 'bastion', privateIp: '10.0.0.10', bastion: true },
      { instanceId: 'i-app', name: 'app', privateIp: '10.0.1.20' },
    ],
    authorizedKeys: [key.public],
    stateDirectory: directory,
  });
  app = hosts.hosts.find((host) => host.name === 'app')!;
});

afterAll(async () => {
  await hosts.close();
  await rm(directory, { recursive: true, force: true });
});

interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

/** Runs a client to its end; never throws for its exit code. */
function client(file: string, args: readonly string[], input?: Buffer): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'pipe' });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** OpenSSH takes options after the host as well, up to the command. */
const ssh = (args: readonly string[], input?: Buffer): Promise<Finished> =>
  client('ssh', [...sshOptions(), '-p', String(app.port), 'dev@127.0.0.1', ...args], input);

const isInstalled = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

/** Whether a process runs; one that nobody has reaped yet does not. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}

describe.skipIf(!isInstalled('ssh'))('ssh to an embedded host', () => {
  it('runs a command in its home directory', async () => {
    const { code, stdout } = await ssh(['pwd; echo $HOME; uname -s']);
    expect(stdout.toString()).toBe(
      `${app.homeDirectory}\n${app.homeDirectory}\n${spawnSync('uname', ['-s']).stdout.toString()}`,
    );
    expect(code).toBe(0);
  });

  it('reports the exit status, and keeps stdout and stderr apart', async () => {
    const finished = await ssh(['echo out; echo err >&2; exit 42']);
    expect(finished.code).toBe(42);
    expect(finished.stdout.toString()).toBe('out\n');
    expect(finished.stderr).toBe('err\n');
  });

  it('reports death by a signal', async () => {
    // OpenSSH's client exits 255 for an exit-signal.
    expect((await ssh(['kill -TERM $$'])).code).toBe(255);
  });

  it('half-closes: the command sees the end of its input, then answers', async () => {
    const finished = await ssh(['cat | tr a-z A-Z; echo done'], Buffer.from('hello\n'));
    expect(finished.stdout.toString()).toBe('HELLO\ndone\n');
  });

  it('carries 64 MiB each way at once, byte for byte', async () => {
    const sent = randomBytes(64 * 1024 * 1024);
    const { stdout, code } = await ssh(['cat'], sent);
    expect(code).toBe(0);
    expect(sha256(stdout)).toBe(sha256(sent));
  });

  it('keeps much output on both stdout and stderr exact', async () => {
    const { stdout, stderr } = await ssh([
      'seq 1 900000 & seq 1 900000 | tr 0-9 a-j >&2; wait; echo end',
    ]);
    const numbers = Array.from({ length: 900_000 }, (_, index) => `${index + 1}\n`).join('');
    expect(sha256(stdout)).toBe(sha256(Buffer.from(`${numbers}end\n`)));
    const letters = numbers.replace(/[0-9]/g, (digit) => 'abcdefghij'.charAt(Number(digit)));
    expect(sha256(Buffer.from(stderr))).toBe(sha256(Buffer.from(letters)));
  });

  it('gives a terminal of the asked size', async () => {
    const { stdout } = await client('ssh', [
      ...sshOptions(),
      '-tt',
      '-p',
      String(app.port),
      'dev@127.0.0.1',
      'test -t 0 && test -t 1 && echo terminal',
    ]);
    expect(stdout.toString()).toContain('terminal');
  });

  it('runs a shell', async () => {
    const { stdout } = await ssh([], Buffer.from('echo from-$((40 + 2))\nexit\n'));
    expect(stdout.toString()).toContain('from-42');
  });

  it('refuses other keys, and everything but keys', async () => {
    const stranger = await client('ssh', [
      ...sshOptions('stranger'),
      '-o',
      'IdentitiesOnly=yes',
      '-p',
      String(app.port),
      'dev@127.0.0.1',
      'true',
    ]);
    expect(stranger.code).toBe(255);
    expect(stranger.stderr).toContain('Permission denied (publickey)');
  });

  it('shows the host key that it announced', async () => {
    const { stdout } = await client('ssh-keyscan', ['-p', String(app.port), '127.0.0.1']);
    expect(stdout.toString()).toContain(app.publicKey.split(' ')[1]);
  });

  it('leaves nothing running when the client dies', async () => {
    const child = spawn('ssh', [
      ...sshOptions(),
      '-p',
      String(app.port),
      'dev@127.0.0.1',
      'sleep 600 & echo $!; wait',
    ]);
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    const pid = Number(first.toString());
    expect(isAlive(pid)).toBe(true);
    child.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000 });
  });

  it('leaves nothing running when it is closed', async () => {
    const short = await startSshHosts({
      hosts: [{ instanceId: 'i-short', name: 'short', privateIp: '10.0.1.30' }],
      authorizedKeys: [await readFile(join(directory, 'key.pub'), 'utf8')],
      stateDirectory: join(directory, 'short'),
    });
    const child = spawn('ssh', [
      ...sshOptions(),
      '-p',
      String(short.hosts[0]!.port),
      'dev@127.0.0.1',
      'echo $$; sleep 600',
    ]);
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    await Promise.all([short.close(), once(child, 'close')]);
    await vi.waitFor(() => expect(isAlive(Number(first.toString()))).toBe(false));
  });

  it('runs many commands on one connection', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): number => warnings.push(warning);
    process.on('warning', warned);
    const master = ['-o', 'ControlMaster=auto', '-S', join(directory, 'master')];
    const opened = await ssh([...master, '-o', 'ControlPersist=60', 'echo opened']);
    expect(opened.stdout.toString()).toBe('opened\n');
    const all = await Promise.all(
      Array.from({ length: 15 }, (_, index) =>
        ssh([...master, `head -c 100000 /dev/zero; echo ${index}`]),
      ),
    );
    await client('ssh', ['-S', join(directory, 'master'), '-O', 'exit', 'dev@127.0.0.1']);
    process.off('warning', warned);
    expect(all.map(({ stdout }) => stdout.length)).toEqual(
      Array.from({ length: 15 }, (_, index) => 100_000 + `${index}\n`.length),
    );
    expect(warnings).toEqual([]);
  });

  it('lets a command be left while it writes', async () => {
    const child = spawn('ssh', [
      ...sshOptions(),
      '-p',
      String(app.port),
      'dev@127.0.0.1',
      'echo $$ >&2; exec yes',
    ]);
    const [first] = (await once(child.stderr, 'data')) as [Buffer];
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(Number(first.toString()))).toBe(false), {
      timeout: 10_000,
    });
  });

  it('serves twenty clients at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, (_, index) => ssh([`echo ${index}`])));
    expect(all.map(({ stdout }) => Number(stdout.toString()))).toEqual([...Array(20).keys()]);
  });
});

describe.skipIf(!isInstalled('scp'))('scp', () => {
  it.each([
    ['SFTP', []],
    ['the old protocol', ['-O']],
  ])('copies 64 MiB each way over %s', async (_name, extra) => {
    const data = randomBytes(64 * 1024 * 1024);
    const from = join(directory, 'scp-up');
    const back = join(directory, 'scp-down');
    await writeFile(from, data);
    const common = [...sshOptions(), ...extra, '-P', String(app.port)];
    const up = await client('scp', [...common, from, 'dev@127.0.0.1:copied']);
    expect([up.code, up.stderr]).toEqual([0, '']);
    const down = await client('scp', [...common, 'dev@127.0.0.1:copied', back]);
    expect([down.code, down.stderr]).toEqual([0, '']);
    expect(sha256(await readFile(back))).toBe(sha256(data));
  });

  it('copies a directory and keeps modes and times', async () => {
    const tree = join(directory, 'tree');
    await mkdir(join(tree, 'inner'), { recursive: true });
    await writeFile(join(tree, 'inner', 'run.sh'), 'echo hi\n', { mode: 0o755 });
    await utimes(join(tree, 'inner', 'run.sh'), 1_600_000_000, 1_600_000_000);
    const common = [...sshOptions(), '-rp', '-P', String(app.port)];
    expect((await client('scp', [...common, tree, 'dev@127.0.0.1:tree'])).code).toBe(0);
    const back = join(directory, 'tree-back');
    expect((await client('scp', [...common, 'dev@127.0.0.1:tree', back])).code).toBe(0);
    const stats = await stat(join(back, 'inner', 'run.sh'));
    expect(stats.mode & 0o777).toBe(0o755);
    expect(stats.mtimeMs).toBe(1_600_000_000_000);
  });

  it('says which file is missing', async () => {
    const { code, stderr } = await client('scp', [
      ...sshOptions(),
      '-P',
      String(app.port),
      'dev@127.0.0.1:nothing',
      directory,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('No such file or directory');
  });
});

describe.skipIf(!isInstalled('sftp'))('sftp', () => {
  it('runs a batch of everything it can ask', async () => {
    await writeFile(join(directory, 'local'), 'local bytes');
    const batch = [
      'pwd',
      'mkdir box',
      'cd box',
      `put ${join(directory, 'local')} one`,
      'chmod 600 one',
      'rename one two',
      'ln -s two link',
      'ls -la',
      `get link ${join(directory, 'fetched')}`,
      'rm link',
      'rm two',
      'cd ..',
      'rmdir box',
      '-ls box',
    ];
    const { code, stdout, stderr } = await client(
      'sftp',
      [...sshOptions(), '-b', '-', '-P', String(app.port), 'dev@127.0.0.1'],
      Buffer.from(batch.join('\n') + '\n'),
    );
    expect(stderr).toContain('box" not found');
    expect(code).toBe(0);
    expect(stdout.toString()).toContain(`Remote working directory: ${app.homeDirectory}`);
    expect(stdout.toString()).toMatch(/-rw------- .* 11 .* two/);
    expect(stdout.toString()).toMatch(/lrwxrwxrwx .* link/);
    expect(await readFile(join(directory, 'fetched'), 'utf8')).toBe('local bytes');
  });

  it('has the extensions of OpenSSH', async () => {
    await writeFile(join(directory, 'local'), 'local bytes');
    const local = join(directory, 'local');
    const batch = [
      `put -f ${local} first`,
      `put ${local} second`,
      'rename first second',
      'df',
      '-rename -l second third',
      'ls -1',
      'rm third',
    ];
    const options = [...sshOptions(), '-vv', '-b', '-', '-P', String(app.port), 'dev@127.0.0.1'];
    const { code, stdout, stderr } = await client(
      'sftp',
      options,
      Buffer.from(batch.join('\n') + '\n'),
    );
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/Size +Used +Avail/);
    expect(stdout.toString()).toMatch(/^third$/m);
    for (const name of ['posix-rename', 'statvfs', 'fsync', 'limits', 'expand-path']) {
      expect(stderr).toContain(`Server supports extension "${name}@openssh.com"`);
    }
    const home = ['-q', ...sshOptions(), '-P', String(app.port)];
    const tilde = await client('scp', [...home, local, 'dev@127.0.0.1:~/tilde']);
    expect([tilde.code, tilde.stderr]).toEqual([0, '']);
    expect(await readFile(join(app.homeDirectory, 'tilde'), 'utf8')).toBe('local bytes');
  });
});

describe.skipIf(!isInstalled('rsync'))('rsync', () => {
  it('copies a tree each way', async () => {
    const tree = join(directory, 'rsync-tree');
    await mkdir(join(tree, 'deep'), { recursive: true });
    const data = randomBytes(3_000_000);
    await writeFile(join(tree, 'deep', 'data'), data);
    const shell = ['ssh', ...sshOptions(), '-p', String(app.port)].join(' ');
    const up = await client('rsync', ['-a', '-e', shell, `${tree}/`, 'dev@127.0.0.1:rsynced/']);
    expect([up.code, up.stderr]).toEqual([0, '']);
    const back = join(directory, 'rsync-back');
    const down = await client('rsync', ['-a', '-e', shell, 'dev@127.0.0.1:rsynced/', `${back}/`]);
    expect([down.code, down.stderr]).toEqual([0, '']);
    expect(sha256(await readFile(join(back, 'deep', 'data')))).toBe(sha256(data));
  });
});

describe.skipIf(!isInstalled('git'))('git', () => {
  it('clones a repository', async () => {
    const script = [
      'git init -q repo',
      'cd repo',
      'seq 1 200000 > numbers',
      'git add .',
      'git -c user.name=a -c user.email=a@b commit -q -m first',
    ].join(' && ');
    expect((await ssh([script])).stderr).toBe('');
    const clone = join(directory, 'clone');
    const { code } = await client('git', [
      '-c',
      `core.sshCommand=${['ssh', ...sshOptions()].join(' ')}`,
      'clone',
      '-q',
      `ssh://dev@127.0.0.1:${app.port}${app.homeDirectory}/repo`,
      clone,
    ]);
    expect(code).toBe(0);
    expect((await readFile(join(clone, 'numbers'), 'utf8')).length).toBe(1_288_895);
  });
});

describe.skipIf(!isInstalled('ssh'))('a bastion', () => {
  const jump = (target: string, command: string, input?: Buffer): Promise<Finished> => {
    const bastion = hosts.hosts.find((host) => host.bastion === true)!;
    const forward = [...sshOptions(), '-p', String(bastion.port), '-W', target, 'dev@127.0.0.1'];
    return client(
      'ssh',
      [...sshOptions(), '-o', `ProxyCommand=ssh ${forward.join(' ')}`, 'dev@far', command],
      input,
    );
  };

  it('leads to a host behind it', async () => {
    const data = randomBytes(8 * 1024 * 1024);
    const { code, stdout } = await jump('10.0.1.20:22', 'pwd; cat', data);
    expect(code).toBe(0);
    const home = Buffer.from(`${app.homeDirectory}\n`);
    expect(sha256(stdout)).toBe(sha256(Buffer.concat([home, data])));
  });

  it.each(['10.0.1.20:80', '10.9.9.9:22', '127.0.0.1:2222', 'localhost:631'])(
    'refuses %s',
    async (target) => {
      const { code, stderr } = await jump(target, 'true');
      expect(code).toBe(255);
      expect(stderr).toContain('stdio forwarding failed');
    },
  );

  it('is the only host that forwards', async () => {
    const { stderr } = await client('ssh', [
      ...sshOptions(),
      '-p',
      String(app.port),
      '-W',
      '10.0.0.10:22',
      'dev@127.0.0.1',
    ]);
    expect(stderr).toContain('stdio forwarding failed');
  });
});

describe.skipIf(!hasSystemSshd())("a host that is the machine's sshd", () => {
  it('lets the current user in with the key, behind the bastion too, and leaves nothing', async () => {
    const key = await readFile(join(directory, 'key.pub'), 'utf8');
    const system = await startSshHosts({
      hosts: [
        { instanceId: 'i-jump', name: 'jump', privateIp: '10.0.0.11', bastion: true },
        { instanceId: 'i-system', name: 'system', privateIp: '10.0.1.21', sshd: 'system' },
      ],
      authorizedKeys: [key],
      stateDirectory: join(directory, 'system'),
    });
    try {
      const [bastion, host] = system.hosts;
      const login = `${host!.user!}@127.0.0.1`;
      const direct = await client('ssh', [
        ...sshOptions(),
        '-p',
        String(host!.port),
        login,
        'echo direct; exit 3',
      ]);
      expect([direct.code, direct.stdout.toString()]).toEqual([3, 'direct\n']);
      const forward = [
        ...sshOptions(),
        '-p',
        String(bastion!.port),
        '-W',
        '10.0.1.21:22',
        'x@127.0.0.1',
      ];
      const jumped = await client('ssh', [
        ...sshOptions(),
        '-o',
        `ProxyCommand=ssh ${forward.join(' ')}`,
        login,
        'echo jumped',
      ]);
      expect(jumped.stdout.toString()).toBe('jumped\n');

      const staying = spawn('ssh', [
        ...sshOptions(),
        '-p',
        String(host!.port),
        login,
        'echo $$; sleep 600',
      ]);
      const [first] = (await once(staying.stdout, 'data')) as [Buffer];
      const pid = Number(first.toString());
      expect(isAlive(pid)).toBe(true);
      await system.close();
      await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000 });
      staying.kill();
    } finally {
      await system.close();
    }
  });
});
