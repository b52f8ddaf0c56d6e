import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readOwnKeys } from '../../src/hosts/host-keys/key-answers.ts';
import { fingerprint } from '../../src/hosts/host-keys/host-key.ts';
import { readScript } from '../../src/hosts/host-keys/key-scripts.ts';
import type { TrustResult } from '../../src/hosts/host-keys/trust-hosts.ts';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { hasSystemSshd } from '../../src/sandbox/ssh/system-sshd.ts';
import { collect, eventually, Person } from './support/person.ts';
import type { Finished } from './support/person.ts';

let person: Person;

beforeAll(async () => {
  person = await Person.arrive();
  // Somebody who has never been to any of these servers, and takes no key on trust.
  writeFileSync(
    join(person.home, '.ssh', 'config'),
    `Host *\n  IdentityFile ${person.aws.identityFile}\n  IdentitiesOnly yes\n` +
      `  UserKnownHostsFile ${join(person.home, '.ssh', 'known_hosts')}\n` +
      '  StrictHostKeyChecking yes\n  BatchMode yes\n',
  );
  await person.startDay();
});
afterAll(() => person.leave());

const NAME = 'devaccess-default-us-east-1';
const knownHosts = (): string => join(person.home, '.ssh', 'known_hosts.d', NAME);
const hostsFile = (): string => join(person.home, '.ssh', 'config.d', `${NAME}.conf`);
const read = (path: string): string => readFileSync(path, 'utf8');

/** The account as a test changes it. */
interface ChangingAccount {
  instances: { instanceId: string; state: string; tags: { Name?: string } }[];
  nodes: { instanceId: string; pingStatus: string }[];
}
const account = (): ChangingAccount => person.aws.sandbox.account as unknown as ChangingAccount;

function trust(args: string[]): Promise<Finished> {
  return person.run('devaccess', ['hosts', 'trust', ...args]);
}

async function trustJson(args: string[]): Promise<TrustResult & { code: number | null }> {
  const { code, stdout } = await trust(['--json', ...args]);
  return { ...(JSON.parse(stdout.toString()) as TrustResult), code };
}

/** What a node's own files say, as `hosts trust` reads them. */
function nodeKey(name: string): { path: string; text: string; fingerprint: string } {
  const folder = join(person.home, 'sandbox', 'hosts', person.instanceId(name));
  const path = join(folder, 'ssh_host_ed25519_key.pub');
  const text = read(path);
  const [type = '', base64 = ''] = text.split(' ');
  return { path, text, fingerprint: fingerprint({ type, base64: base64.trim() }) };
}

/** Gives a node another key, as far as its files tell. */
function changeKey(name: string): { former: string; now: string; undo: () => void } {
  const { path, text, fingerprint: former } = nodeKey(name);
  const folder = mkdtempSync(join(tmpdir(), 'devaccess-key-'));
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
  writeFileSync(path, read(join(folder, 'key.pub')));
  rmSync(folder, { recursive: true });
  return { former, now: nodeKey(name).fingerprint, undo: () => writeFileSync(path, text) };
}

async function sync(): Promise<void> {
  const { code } = await person.run('devaccess', ['hosts', 'sync']);
  expect(code).toBe(0);
}

describe('devaccess hosts trust', () => {
  it('makes the very first connection a checked one, through the bastion too', async () => {
    const before = await person.run('ssh', ['someserver', 'true']);
    expect([before.code, before.stderr]).toEqual([
      255,
      expect.stringContaining('No ED25519 host key'),
    ]);
    const { code, stdout, stderr } = await trust(['--all']);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^7 hosts: 7 added; /)]);
    const table = stdout.toString();
    expect(table).toMatch(/^bastion +added +ed25519 +node$/m);
    expect(table).toMatch(
      new RegExp(`^someserver +added +ed25519 +bastion ${person.bastionId}$`, 'm'),
    );
    const lines = read(knownHosts())
      .split('\n')
      .filter((line) => /^m?i-/.test(line));
    const real = read(person.aws.knownHostsFile)
      .trim()
      .split('\n')
      // Nobody gets there.
      .filter((line) => !line.startsWith(person.instanceId('elsewhere')));
    expect(lines).toEqual(real.map((line) => line.split(' ').slice(0, 3).join(' ')).sort());
    expect(read(knownHosts())).toContain(
      `# ${person.instanceId('someserver')} told-by bastion ${person.bastionId} address 10.0.1.10 port 22\n`,
    );
    expect(statSync(knownHosts()).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(person.home, '.ssh', 'known_hosts.d'))).toEqual([NAME]);
    expect(readdirSync(join(person.home, '.ssh', 'config.d'))).toEqual([`${NAME}.conf`]);
    const first = await person.run('ssh', ['someserver', 'echo hello']);
    expect([first.code, first.stdout.toString(), first.stderr]).toEqual([0, 'hello\n', '']);
    expect(existsSync(join(person.home, '.ssh', 'known_hosts'))).toBe(false);
  });

  it('changes no byte the second time, and neither does the next sync', async () => {
    const files = (): unknown[] => [
      read(knownHosts()),
      read(hostsFile()),
      statSync(knownHosts()).ino,
    ];
    const former = files();
    const { code, hosts } = await trustJson(['--all']);
    expect([code, hosts.map(({ status }) => status)]).toEqual([0, Array(7).fill('unchanged')]);
    await sync();
    expect(files()).toEqual(former);
  });

  it('shows a changed key beside the known one, and takes it only when it is accepted', async () => {
    const { former, now, undo } = changeKey('bastion');
    const kept = nodeKey('bastion');
    const one = await trust(['bastion']);
    expect(one.code).toBe(1);
    expect(one.stderr).toContain(`known: ssh-ed25519 ${former}`);
    expect(one.stderr).toContain(`now:   ssh-ed25519 ${now}`);
    expect(one.stderr).toMatch(/\[DA_HOST_KEY_CHANGED\] Next: .*--accept-changed/);
    expect(read(knownHosts())).not.toContain(kept.text.split(' ')[1]!);
    expect((await trust(['--all'])).code).toBe(4);
    // Another one than was shown is not what the person said yes to.
    const third = changeKey('bastion');
    expect((await trustJson(['--accept-changed', 'bastion'])).code).toBe(1);
    const accepted = await trustJson(['--accept-changed', 'bastion']);
    expect(accepted).toMatchObject({
      code: 0,
      hosts: [
        {
          status: 'accepted',
          keys: [{ fingerprint: third.now }],
          formerKeys: [{ fingerprint: former }],
        },
      ],
    });
    // The server has the former key: with another one that is trusted, ssh does not go in.
    const refused = await person.run('ssh', ['bastion', 'true']);
    expect(refused.code).toBe(255);
    expect(refused.stderr).toContain('Host key verification failed');
    undo();
    expect((await trust(['bastion'])).code).toBe(1);
    expect((await trust(['--accept-changed', person.bastionId])).code).toBe(0);
    expect((await person.run('ssh', ['bastion', 'true'])).code).toBe(0);
  });

  it('tells which servers it could not ask, and goes on with the others', async () => {
    const nas = account().nodes.find(({ instanceId }) => instanceId.startsWith('mi-'))!;
    nas.pingStatus = 'ConnectionLost';
    const { code, stdout, stderr } = await trust(['office-nas', 'bastion']);
    nas.pingStatus = 'Online';
    expect(code).toBe(4);
    expect(stdout.toString()).toMatch(/^office-nas +failed/m);
    expect(stderr).toMatch(/mi-\w+ is not connected .*ConnectionLost \[DA_TARGET_NOT_CONNECTED\]/);
    // What was known of it still is.
    expect(read(knownHosts())).toContain(`\n${nas.instanceId} ssh-ed25519 `);
  });

  it('explains the permission that is missing', async () => {
    const denied = { Effect: 'Deny', Action: 'ssm:SendCommand', Resource: '*' };
    const { inlinePolicies } = person.aws.sandbox.user;
    inlinePolicies.set('denied', policyOf([denied]));
    const { code, stderr } = await trust(['bastion']);
    inlinePolicies.delete('denied');
    expect(code).toBe(1);
    expect(stderr).toContain('may not call SSM SendCommand');
    expect(stderr).toContain('"Action":"ssm:SendCommand"');
    expect(stderr).toContain('"arn:aws:ssm:us-east-1::document/AWS-RunShellScript"');
  });

  it('warns of another key that ssh once took by itself', async () => {
    const { now, undo } = changeKey('bastion');
    const own = join(person.home, '.ssh', 'known_hosts');
    writeFileSync(own, `${person.bastionId} ${nodeKey('bastion').text}`);
    spawnSync('ssh-keygen', ['-H', '-f', own]);
    undo();
    const { code, stderr } = await trust(['bastion']);
    rmSync(own);
    expect(code).toBe(0);
    expect(stderr).toContain(`another key for ${person.bastionId}, ssh-ed25519 ${now}`);
  });

  it('writes nothing when it is stopped, and cancels what runs', async () => {
    const sshd = join(person.home, 'sandbox', 'hosts', person.bastionId, 'bin', 'sshd');
    const real = read(sshd);
    const mark = join(person.home, 'pid');
    writeFileSync(sshd, `#!/bin/sh\necho $$ >${mark}\nexec sleep 1005\n`);
    const former = read(knownHosts());
    const child = person.start('devaccess', ['hosts', 'trust', 'bastion']);
    const finished = collect(child);
    await eventually('the script runs', () => existsSync(mark) && read(mark) !== '');
    child.kill('SIGINT');
    const { code, stderr } = await finished;
    writeFileSync(sshd, real);
    expect([code, stderr]).toEqual([130, 'stopped; nothing was written\n']);
    expect(read(knownHosts())).toBe(former);
    await eventually('it was cancelled', () => !existsSync(`/proc/${read(mark).trim()}`));
  });

  it('loses nothing when two run at once', async () => {
    rmSync(knownHosts());
    const names = ['bastion', 'office-nas', 'someserver', 'app-1'];
    const runs = await Promise.all(names.map((name) => trust([name])));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const strict = read(hostsFile()).match(/StrictHostKeyChecking yes/g);
    expect(strict).toHaveLength(4);
    for (const name of names) {
      expect(read(knownHosts())).toContain(`\n${person.instanceId(name)} ssh-ed25519 `);
    }
  });

  it('refuses bad input with the next step', async () => {
    const cases: [string[], RegExp][] = [
      [[], /No host was given \[DA_USAGE\] Next: .*--all/],
      [['nowhere'], /no host 'nowhere'/],
      [['i-0123456789abcdef0'], /has no entry .*\[DA_HOST_UNKNOWN\].*hosts sync/],
      [['--all', '--profile', 'other'], /\[DA_HOST_UNKNOWN\]/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await trust(args);
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    }
    const text = read(knownHosts());
    writeFileSync(knownHosts(), text.replace('ssh-ed25519 AAAA', 'ssh-ed25519 AAAB'));
    const damaged = await trust(['--all']);
    expect([damaged.code, damaged.stderr]).toEqual([
      1,
      expect.stringMatching(/:5 is not .*\[DA_KNOWN_HOSTS\]/),
    ]);
    writeFileSync(knownHosts(), 'github.com ssh-ed25519 AAAA\n');
    expect((await trust(['--all'])).stderr).toContain('[DA_FOREIGN_FILE]');
    writeFileSync(knownHosts(), text);
  });
});

describe('devaccess hosts sync', () => {
  it('trusts in one go with --trust', async () => {
    const { code, stdout } = await person.run('devaccess', ['hosts', 'sync', '--trust', '--json']);
    expect(code).toBe(0);
    const { trust: result } = JSON.parse(stdout.toString()) as { trust: TrustResult };
    const status = new Map(result.hosts.map((host) => [host.host, host.status]));
    expect([status.get('bastion'), status.get('db-1')]).toEqual(['unchanged', 'added']);
    expect(read(hostsFile()).match(/StrictHostKeyChecking yes/g)).toHaveLength(7);
  });

  it('keeps the keys of a server that is stopped, and not those of one that is gone', async () => {
    const { instances } = account();
    const stopped = instances.find(({ tags }) => tags.Name === 'db-1')!;
    const gone = instances.findIndex(({ tags }) => tags.Name === 'app-1');
    stopped.state = 'stopped';
    const [removed] = instances.splice(gone, 1);
    await sync();
    expect(read(knownHosts())).toContain(stopped.instanceId);
    expect(read(knownHosts())).not.toContain(removed!.instanceId);
    stopped.state = 'running';
    await sync();
    expect(read(hostsFile()).match(/StrictHostKeyChecking yes/g)).toHaveLength(6);
  });

  it('makes a new instance of an old name a new host, not one whose key has changed', async () => {
    const worker = account().instances.find(({ tags }) => tags.Name === 'worker')!;
    const { instanceId: former } = worker;
    worker.instanceId = 'i-0123456789abcdef0';
    await sync();
    expect(read(knownHosts())).not.toContain(former);
    const { code, hosts } = await trustJson(['i-0123456789abcdef0']);
    expect([code, hosts[0]?.status]).toEqual([0, 'added']);
  });
});

describe.skipIf(!hasSystemSshd())('the script that reads host keys', () => {
  it("finds those of this machine's sshd, wherever its configuration has them", () => {
    const folder = mkdtempSync(join(tmpdir(), 'devaccess-sshd-'));
    const file = (name: string): string => join(folder, name);
    for (const type of ['ed25519', 'ecdsa', 'rsa']) {
      spawnSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'a comment', '-f', file(type)]);
    }
    const expected = ['ecdsa', 'ed25519', 'rsa'].map((type) =>
      read(file(`${type}.pub`))
        .split(' ')
        .slice(0, 2)
        .join(' '),
    );
    rmSync(file('rsa.pub'));
    const keys = ['ed25519', 'ecdsa.pub', 'rsa'].map((name) => `HostKey ${file(name)}\n`).join('');
    writeFileSync(file('config'), `${keys}Match User nobody\n  X11Forwarding no\n`);
    writeFileSync(file('sshd'), `#!/bin/sh\nexec /usr/sbin/sshd -f ${file('config')} "$@"\n`);
    chmodSync(file('sshd'), 0o700);
    writeFileSync(file('script'), readScript('posix').commands.join('\n'));
    const { stdout } = spawnSync('sh', [file('script')], {
      env: { PATH: `${folder}:/usr/bin:/bin` },
      encoding: 'utf8',
    });
    rmSync(folder, { recursive: true });
    const found = readOwnKeys(stdout, 'here').map(({ type, base64 }) => `${type} ${base64}`);
    expect(found).toEqual(expected);
  });
});
