import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

  it('reaches a private host through the bastion’s agent, without a login there', async () => {
    const { privateIp } = person.aws.hosts.hosts.find(({ name }) => name === 'someserver')!;
    const proxy = person.command('devaccess-proxy', [
      '--target',
      person.bastionId,
      '--host',
      privateIp,
      '--port',
      '%p',
    ]);
    const options = [
      '-o',
      `ProxyCommand=${proxy}`,
      '-o',
      'ProxyJump=none',
      '-o',
      `HostKeyAlias=${person.instanceId('someserver')}`,
    ];
    const data = randomBytes(4 * 1024 * 1024);
    const run = await person.run('ssh', [...options, 'anyname', 'cat; exit 3'], { input: data });
    expect(run).toMatchObject({ code: 3, stderr: '' });
    expect(run.stdout.equals(data)).toBe(true);
    const [session] = person.aws.sandbox.registry.list().slice(-1);
    expect(session!.documentName).toBe('AWS-StartPortForwardingSessionToRemoteHost');
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

  it('carries 64 MiB each way, byte for byte', async () => {
    const data = randomBytes(64 * 1024 * 1024);
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
