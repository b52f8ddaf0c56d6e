import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { collect, eventually, firstOutput, Person, sha256 } from './support/person.ts';

const has = (tool: string): boolean => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;

let person: Person;

beforeAll(async () => {
  person = await Person.arrive();
  await person.startDay();
});
afterAll(() => person.leave());
afterEach(() => person.noSessionIsOpen());

describe('the machine’s own SSH tools, through devaccess-proxy', () => {
  it('runs a command on a private host behind the bastion', async () => {
    const run = await person.run('ssh', ['someserver', 'echo out; echo err >&2; exit 7']);
    expect(run).toMatchObject({ code: 7, stderr: 'err\n' });
    expect(run.stdout.toString()).toBe('out\n');
    const targets = person.aws.sandbox.registry.list().map(({ target }) => target);
    expect(new Set(targets)).toEqual(new Set([person.bastionId]));
  });

  it('refuses a host whose key is not the known one', async () => {
    const run = await person.run('ssh', [
      '-o',
      `HostKeyAlias=${person.bastionId}`,
      'someserver',
      'true',
    ]);
    expect(run.code).toBe(255);
    expect(run.stderr).toMatch(
      /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/,
    );
  });

  it('carries 16 MiB each way, byte for byte', async () => {
    const data = randomBytes(16 * 1024 * 1024);
    const up = await person.run('ssh', ['bastion', 'cat > up.bin; cksum up.bin'], { input: data });
    expect(up.code).toBe(0);
    const down = await person.run('ssh', ['bastion', 'cat up.bin']);
    expect(down.code).toBe(0);
    expect(sha256(down.stdout)).toBe(sha256(data));
  });

  it('copies files with scp and sftp', async () => {
    const file = join(person.home, 'file.bin');
    writeFileSync(file, randomBytes(3_000_000), { mode: 0o640 });
    expect(await person.run('scp', ['-p', file, 'someserver:copy.bin'])).toMatchObject({ code: 0 });
    const batch =
      'mkdir dir\nrename copy.bin dir/copy.bin\nls -l dir\nget dir/copy.bin back.bin\nrm dir/copy.bin\nrmdir dir\n';
    const sftp = await person.run('sftp', ['-b', '-', 'someserver'], { input: batch });
    expect(sftp).toMatchObject({ code: 0 });
    expect(readFileSync(join(person.home, 'back.bin')).equals(readFileSync(file))).toBe(true);
  });

  it.runIf(has('rsync'))('synchronises a folder with rsync', async () => {
    execFileSync(
      'sh',
      [
        '-c',
        'mkdir -p tree/deep && echo one > tree/a && echo two > tree/deep/b && ln -sf a tree/link',
      ],
      { cwd: person.home },
    );
    const ssh = `ssh -F ${join(person.home, '.ssh', 'config')}`;
    const up = await person.run('rsync', ['-a', '-e', ssh, 'tree/', 'someserver:tree']);
    expect(up).toMatchObject({ code: 0, stderr: '' });
    const again = await person.run('rsync', ['-ai', '-e', ssh, 'tree/', 'someserver:tree']);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout.toString()).toBe('');
  });

  it.runIf(has('git'))('clones and pushes with git', async () => {
    const home = person.aws.hosts.hosts.find(({ name }) => name === 'someserver')!.homeDirectory;
    execFileSync('git', ['init', '-q', '--bare', '-b', 'main', 'repo.git'], { cwd: home });
    const script = `git clone -q someserver:repo.git work 2>/dev/null; cd work && git config user.email a@b.c && git config user.name a && head -c 2000000 /dev/urandom > blob && git add blob && git commit -qm one && git push -q origin HEAD:main && git ls-remote origin main | cut -f1 && git rev-parse HEAD`;
    const run = await person.run('sh', ['-c', script], {
      env: { GIT_SSH_COMMAND: `ssh -F ${join(person.home, '.ssh', 'config')}` },
    });
    expect(run).toMatchObject({ code: 0, stderr: '' });
    const [remote, local] = run.stdout.toString().trim().split('\n');
    expect(remote).toBe(local);
  });

  it('serves 20 ssh at once', async () => {
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        person.run('ssh', ['someserver', `echo ${index}; cat`], { input: `input ${index}` }),
      ),
    );
    for (const [index, run] of runs.entries()) {
      expect(run).toMatchObject({ code: 0, stderr: '' });
      expect(run.stdout.toString()).toBe(`${index}\ninput ${index}`);
    }
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'leaves no process and no session when ssh dies by %s',
    async (signal) => {
      const child = person.start('ssh', ['bastion', 'echo up; sleep 600']);
      const ended = collect(child);
      expect(await firstOutput(child)).toBe('up\n');
      const proxies = proxiesOf(person);
      expect(proxies).toHaveLength(1);
      child.kill(signal);
      await ended;
      await eventually('the proxy is gone', () => proxiesOf(person).length === 0);
      await person.noSessionIsOpen();
    },
  );
});

describe('a shared connection', () => {
  it('carries further ssh in one session, until it is ended', async () => {
    expect((await person.run('devaccess', ['hosts', 'sync', '--control-master'])).code).toBe(0);
    const first = person.aws.sandbox.registry.list().length;
    for (const word of ['one', 'two', 'three']) {
      const run = await person.run('ssh', ['office-nas', `echo ${word}`]);
      expect(run).toMatchObject({ code: 0 });
      expect(run.stdout.toString()).toBe(`${word}\n`);
    }
    expect(person.aws.sandbox.registry.list()).toHaveLength(first + 1);
    expect((await person.run('ssh', ['-O', 'exit', 'office-nas'])).code).toBe(0);
    await person.noSessionIsOpen();
    await person.run('devaccess', ['hosts', 'sync']);
  });
});

describe('the route through the bastion’s agent alone', () => {
  let first: number;
  beforeAll(async () => {
    const synced = await person.run('devaccess', ['hosts', 'sync', '--route', 'remote-host']);
    expect(synced.code).toBe(0);
    first = person.aws.sandbox.registry.list().length;
  });
  afterAll(async () => {
    await person.run('devaccess', ['hosts', 'sync']);
  });
  const documents = (): Set<string> =>
    new Set(
      person.aws.sandbox.registry
        .list()
        .slice(first)
        .map((session) => session.documentName),
    );

  it('carries ssh, by name and by id', async () => {
    const data = randomBytes(4 * 1024 * 1024);
    for (const name of ['someserver', person.instanceId('someserver')]) {
      const run = await person.run('ssh', [name, 'cat; exit 3'], { input: data });
      expect(run).toMatchObject({ code: 3, stderr: '' });
      expect(run.stdout.equals(data)).toBe(true);
    }
    expect(documents()).toEqual(new Set(['AWS-StartPortForwardingSessionToRemoteHost']));
  });

  it('carries scp, and ssh to several hosts at once', async () => {
    const file = join(person.home, 'route.bin');
    writeFileSync(file, randomBytes(3_000_000));
    const scp = (from: string, to: string) => person.run('scp', ['-q', from, to]);
    expect(await scp(file, 'db-1:route.bin')).toMatchObject({ code: 0, stderr: '' });
    expect(await scp('db-1:route.bin', `${file}.back`)).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(`${file}.back`).equals(readFileSync(file))).toBe(true);
    const runs = await Promise.all(
      ['app-1', 'db-1', 'someserver'].map((host) => person.run('ssh', [host, `echo ${host}`])),
    );
    expect(runs.map(({ stdout }) => stdout.toString())).toEqual([
      'app-1\n',
      'db-1\n',
      'someserver\n',
    ]);
  });

  it('tells a host that cannot be reached from the bastion', async () => {
    const run = await person.run('ssh', ['-p', '2222', 'someserver', 'true']);
    expect(run.code).toBe(255);
    expect(run.stderr).toMatch(
      /cannot reach 10\.0\.1\.10:2222 from there\. \[DA_REMOTE_UNREACHABLE\]/,
    );
  });

  it('is known to forward', async () => {
    const child = person.start('devaccess', ['forward', 'db-1', '0:22', '--json']);
    const ended = collect(child);
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      const { event, remote, target } = JSON.parse(line) as Record<string, unknown>;
      if (event !== 'listening') continue;
      expect({ remote, target }).toEqual({ remote: '10.0.1.12:22', target: person.bastionId });
      break;
    }
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('is not the way to the bastion itself', async () => {
    expect(await person.run('ssh', ['bastion', 'true'])).toMatchObject({ code: 0 });
    expect(documents()).toContain('AWS-StartSSHSession');
  });
});

/** Process ids of running proxies of this person, by the HOME in their environment. */
function proxiesOf({ home }: Person): string[] {
  const { stdout } = spawnSync('pgrep', ['-f', 'devaccess-proxy'], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((pid) => pid !== '')
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`HOME=${home}`);
      } catch {
        return false;
      }
    });
}
