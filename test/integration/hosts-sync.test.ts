import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  existsSync,
  linkSync,
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
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { SyncResult } from '../../src/hosts/sync-result.ts';
import { devaccess, run } from './cli.ts';
import type { CliRun } from './cli.ts';

let home: string;
let sandbox: Sandbox;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-hosts-'));
  sandbox = await startSandbox({ stateDir: join(home, '.aws') });
  const session = await devaccess(['mfa', '--token', sandbox.mfaCode()], { env: env() });
  expect(session.stderr).toBe('');
});

afterEach(async () => {
  await sandbox.close();
  rmSync(home, { recursive: true, force: true });
});

/** The account as a test changes it between two syncs. */
interface ChangingAccount {
  instances: { tags: { Name: string }; privateIpAddress: string; vpcId: string; region: string }[];
  nodes: { instanceId: string; region: string; pingStatus: string }[];
}
const account = (): ChangingAccount => sandbox.account as unknown as ChangingAccount;

const mainConfig = (): string => join(home, '.ssh', 'config');
const hostsFile = (): string => join(home, '.ssh', 'config.d', 'devaccess-default-us-east-1.conf');
const read = (path: string): string => readFileSync(path, 'utf8');
const idOf = (name: string): string =>
  sandbox.account.instances.find(({ tags }) => tags.Name === name)!.instanceId;

function env(extra: Record<string, string> = {}): Record<string, string> {
  return { HOME: home, ...sandbox.environment, ...extra };
}

function sync(args: string[] = [], extra: Record<string, string> = {}): Promise<CliRun> {
  return devaccess(['hosts', 'sync', ...args], { env: env(extra) });
}

async function syncJson(args: string[] = []): Promise<SyncResult> {
  const done = await sync(['--json', ...args]);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(done.stdout) as SyncResult;
}

/** What the installed ssh makes of the config, by lower-case option. */
async function sshOptions(host: string): Promise<Map<string, string>> {
  const { code, stdout, stderr } = await run('ssh', ['-T', '-G', '-F', mainConfig(), host], {
    env: {},
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0]!, line.slice(line.indexOf(' ') + 1)]),
  );
}

describe('devaccess hosts sync', () => {
  it('makes servers known to ssh by name and by id', async () => {
    const result = await syncJson();
    expect(result.dryRun).toBe(false);
    const bastion = await sshOptions('bastion');
    expect(bastion.get('hostname')).toBe(idOf('bastion'));
    expect(bastion.get('hostkeyalias')).toBe(idOf('bastion'));
    expect(bastion.get('user')).toBe('ec2-user');
    expect(bastion.get('proxycommand')).toMatch(
      /^"\/.*\/node" "\/.*\/bin\/devaccess-proxy\.js" --target %h --port %p --profile default --region us-east-1$/,
    );
    for (const name of ['someserver', idOf('someserver')]) {
      const server = await sshOptions(name);
      expect(server.get('hostname')).toBe('10.0.1.10');
      expect(server.get('proxyjump')).toBe('bastion');
      expect(server.get('hostkeyalias')).toBe(idOf('someserver'));
    }
    const nas = await sshOptions('office-nas');
    expect(nas.get('hostname')).toMatch(/^mi-[0-9a-f]{17}$/);
    expect(nas.get('proxycommand')).toContain('--target %h');
    const workers = result.hosts.filter(({ alias }) => alias.startsWith('worker'));
    expect(
      workers.map(({ alias, instanceId }) => alias === `worker-${instanceId!.slice(-6)}`),
    ).toEqual([true, true]);
    expect(Object.fromEntries(result.skipped.map(({ name, reason }) => [name, reason]))).toEqual({
      'old-build': 'stopped',
      'win-1': expect.stringMatching(/^Windows: reach it by RDP, devaccess forward i-/) as string,
      elsewhere: "not in Systems Manager and not in the bastion's network",
    });
    expect(result.hosts.map(({ alias }) => alias)).toEqual(result.added);
    expect(statSync(hostsFile()).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, '.ssh', 'config.d')).mode & 0o777).toBe(0o700);
  });

  it('changes no byte the second time, and leaves no lock or temporary file', async () => {
    await syncJson();
    const first = [read(hostsFile()), read(mainConfig())];
    const inode = statSync(hostsFile()).ino;
    const second = await syncJson();
    expect([read(hostsFile()), read(mainConfig())]).toEqual(first);
    expect(statSync(hostsFile()).ino).toBe(inode);
    expect(second.files.map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged']);
    expect([second.added, second.changed, second.removed]).toEqual([[], [], []]);
    expect(readdirSync(join(home, '.ssh', 'config.d'))).toEqual([
      'devaccess-default-us-east-1.conf',
    ]);
    expect(readdirSync(join(home, '.ssh')).sort()).toEqual(['config', 'config.d']);
  });

  it('puts one Include above a config whose bytes it keeps', async () => {
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    const own = Buffer.from('# caf\xe9\nHost *\n\tUser me\n\n\nHost x\r\n Port 9', 'latin1');
    writeFileSync(mainConfig(), own, { mode: 0o644 });
    await syncJson();
    await syncJson();
    const after = readFileSync(mainConfig());
    expect(after.subarray(-own.length)).toEqual(own);
    expect(
      after
        .subarray(0, -own.length)
        .toString()
        .match(/^Include /gm),
    ).toHaveLength(1);
    expect(statSync(mainConfig()).mode & 0o777).toBe(0o644);
    expect((await sshOptions('bastion')).get('user')).toBe('ec2-user');
    expect((await sshOptions('x')).get('port')).toBe('9');
    expect((await sshOptions('x')).get('user')).toBe('me');
  });

  it('finds an Include that is already there', async () => {
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    const own = `Include "${home}/.ssh/config.d/*"\nHost *\n  User me\n`;
    writeFileSync(mainConfig(), own);
    await syncJson();
    expect(read(mainConfig())).toBe(own);
    expect((await sshOptions('someserver')).get('hostname')).toBe('10.0.1.10');
  });

  it('writes a symlinked config through its link', async () => {
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    writeFileSync(join(home, 'dotfile'), 'Host x\n');
    symlinkSync('../dotfile', mainConfig());
    const { files } = await syncJson();
    expect(files[1]).toEqual({ path: join(home, 'dotfile'), outcome: 'changed' });
    expect(read(join(home, 'dotfile'))).toMatch(/^#.*\nInclude .*\n\nHost x\n$/);
  });

  it('lets no tag take over a domain name that the person reaches already', async () => {
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    const [first, second] = account().instances.filter(({ tags }) => tags.Name === 'worker');
    first!.tags.Name = 'github.com';
    second!.tags.Name = 'git.example.org';
    writeFileSync(
      join(home, '.ssh', 'known_hosts'),
      // The second is git.example.org, hashed by ssh-keygen -H.
      'github.com,140.82.121.4 ssh-ed25519 AAAA\n|1|gFKAzQnS8CfjCtn70TcbHFTwBEk=|jKvyZHrpBUWLgShEY6pgxS6uK2Q= ssh-ed25519 AAAA\nsomeserver ssh-ed25519 A\n',
    );
    const { hosts } = await syncJson();
    const aliases = hosts.map(({ alias }) => alias);
    expect(aliases).toContain('someserver');
    expect(aliases.filter((alias) => alias.startsWith('git'))).toEqual([
      expect.stringMatching(/^git\.example\.org-[0-9a-f]{6}$/),
      expect.stringMatching(/^github\.com-[0-9a-f]{6}$/),
    ]);
  });

  it('leaves a config alone that others keep, and tells what it must hold', async () => {
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    const include = `Include ${home}/.ssh/config.d/devaccess-*.conf`;
    symlinkSync('nowhere', mainConfig());
    const refused = await sync();
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain(`Next: add '${include}' above all Host lines yourself`);
    rmSync(mainConfig());
    writeFileSync(join(home, 'managed'), `${include}\nHost x\n`);
    linkSync(join(home, 'managed'), mainConfig());
    expect((await syncJson()).files[1]!.outcome).toBe('unchanged');
  });

  it('shows a diff that patch applies, and writes nothing, with --dry-run', async () => {
    const shown = await sync(['--dry-run']);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain(`+++ ${hostsFile()}\n`);
    expect(shown.stdout).toContain('+Host someserver ');
    expect(existsSync(join(home, '.ssh'))).toBe(false);
    await syncJson();
    expect((await sync(['--dry-run'])).stdout).toBe('');
  });

  it('tells what came, changed and went', async () => {
    await syncJson();
    const { instances } = account();
    const gone = instances.findIndex(({ tags }) => tags.Name === 'app-1');
    instances.splice(gone, 1);
    instances.find(({ tags }) => tags.Name === 'db-1')!.privateIpAddress = '10.0.1.99';
    instances.find(({ tags }) => tags.Name === 'elsewhere')!.vpcId = instances[0]!.vpcId;
    const result = await syncJson();
    expect(result).toMatchObject({ added: ['elsewhere'], changed: ['db-1'], removed: ['app-1'] });
    expect(read(hostsFile())).not.toContain('app-1');
  });

  it('changes the route to hosts behind the bastion, and back', async () => {
    await syncJson();
    const jumping = read(hostsFile());
    const result = await syncJson(['--route', 'remote-host']);
    const routes = new Map(result.hosts.map(({ alias, route }) => [alias, route]));
    expect(routes.get('someserver')).toBe('remote-host');
    expect([routes.get('bastion'), routes.get('office-nas')]).toEqual(['direct', 'direct']);
    expect(result.changed).toContain('someserver');
    expect(result.unchanged.sort()).toEqual(['bastion', 'office-nas']);
    const server = await sshOptions('someserver');
    expect(server.get('hostname')).toBe('10.0.1.10');
    expect(server.get('hostkeyalias')).toBe(idOf('someserver'));
    expect(server.get('proxyjump')).toBeUndefined();
    expect(server.get('proxycommand')).toMatch(
      new RegExp(
        `devaccess-proxy\\.js" --target ${idOf('bastion')} --host 10\\.0\\.1\\.10 --port %p --profile default --region us-east-1$`,
      ),
    );
    expect(read(hostsFile())).toContain('--route remote-host\n');
    await syncJson();
    expect(read(hostsFile())).toBe(jumping);
    expect((await sync(['--route', 'teleport'])).code).toBe(2);
  });

  it('keeps what another region or profile wrote', async () => {
    await syncJson();
    const first = read(hostsFile());
    const other = await sync(['--json', '--region', 'us-west-2']);
    expect(other.code).toBe(1);
    expect(JSON.parse(other.stdout)).toMatchObject({ error: { code: 'DA_BASTION_NOT_FOUND' } });
    for (const instance of account().instances) instance.region = 'us-west-2';
    for (const node of account().nodes) node.region = 'us-west-2';
    await syncJson(['--region', 'us-west-2']);
    expect(read(hostsFile())).toBe(first);
    expect(readdirSync(join(home, '.ssh', 'config.d'))).toHaveLength(2);
    expect(read(mainConfig()).match(/^Include /gm)).toHaveLength(1);
  });

  it('says plainly which of several fleets could not be read, and keeps its entries', async () => {
    const folder = join(home, '.config', 'devaccess');
    mkdirSync(folder, { recursive: true });
    const configure = (text: string): void =>
      writeFileSync(join(folder, 'config.toml'), text, { mode: 0o600 });
    configure('[fleets.main]\n[fleets.other]\nprofile = "nobody"\n');
    const partly = await sync();
    expect(partly.code).toBe(4);
    expect(partly.stderr).toContain(
      'devaccess: fleet other: There is no AWS profile nobody [DA_NO_PROFILE]; its entries stay as they were.',
    );
    expect(partly.stdout).toMatch(/^7 hosts: 7 added, .*; 1 could not be read\n$/);
    expect((await sync(['--fleet', 'other'])).stderr).toContain('[DA_NO_PROFILE] Next: ');
    configure(
      '[fleets.a]\nprofile = "nobody"\n[fleets.b]\nprofile = "default-long-term"\nregion = "x"\n',
    );
    const invalid = await sync(['--json']);
    expect(invalid.code).toBe(1);
    expect(JSON.parse(invalid.stdout)).toMatchObject({
      error: {
        code: 'DA_CONFIG_INVALID',
        message: expect.stringContaining(
          'config.toml:5: fleets.b.region "x" is not an AWS region',
        ) as string,
      },
    });
    configure('[fleets.a]\nprofile = "nobody"\n[fleets.b]\nprofile = "somebody"\n');
    const none = await sync(['--json']);
    expect(none.code).toBe(1);
    expect((JSON.parse(none.stdout) as SyncResult).failed).toHaveLength(2);
    expect((await sync(['--fleet', 'c'])).code).toBe(2);
  });

  it('takes the bastion by id and by tag, and says when there is none', async () => {
    const { hosts } = await syncJson(['--bastion', 'tag:Name=bastion', '--user', 'deploy']);
    expect(new Set(hosts.map(({ user }) => user))).toEqual(new Set(['deploy']));
    expect((await syncJson(['--bastion', idOf('bastion')])).changed).not.toEqual([]);
    const none = await sync(['--bastion', 'tag:Name=nothing']);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain(`online: bastion (${idOf('bastion')})`);
    expect((await sync(['--bastion', 'bastion'])).code).toBe(2);
    account().nodes.find(({ instanceId }) => instanceId === idOf('bastion'))!.pingStatus =
      'ConnectionLost';
    const lost = await sync(['--bastion', 'tag:Name=bastion']);
    expect(lost.stderr).toContain('[DA_BASTION_OFFLINE]');
  });

  it('goes on without EC2 or SSM where one is denied, and fails where both are', async () => {
    const deniedEc2 = await denyingServer(
      '<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error>' +
        '</Errors><RequestID>r</RequestID></Response>',
    );
    const deniedSsm = await denyingServer('{"__type":"AccessDeniedException","message":"no"}');
    const noEc2 = { AWS_ENDPOINT_URL_EC2: deniedEc2.url };
    const noSsm = { AWS_ENDPOINT_URL_SSM: deniedSsm.url };
    const withoutEc2 = await sync(['--bastion', idOf('bastion')], noEc2);
    expect(withoutEc2.code).toBe(0);
    expect(withoutEc2.stderr).toContain('EC2 could not be read');
    const withoutSsm = await sync(['--bastion', idOf('bastion')], noSsm);
    expect(withoutSsm.code).toBe(0);
    expect(withoutSsm.stderr).toContain('SSM could not be read');
    expect((await sshOptions('someserver')).get('hostname')).toBe('10.0.1.10');
    const neither = await sync([], { ...noEc2, ...noSsm });
    expect(neither.code).toBe(1);
    expect(neither.stderr).toContain('may not call EC2 DescribeInstances [DA_ACCESS_DENIED]');
    deniedEc2.server.close();
    deniedSsm.server.close();
  });

  it('asks for devaccess mfa where the session is missing or over', async () => {
    const missing = await sync(['--profile', 'default-long-term', '--region', 'eu-west-1']);
    expect(missing.code).not.toBe(0);
    const file = sandbox.environment.AWS_SHARED_CREDENTIALS_FILE!;
    writeFileSync(file, read(file).replace(/expiration = .*/, 'expiration = 2020-01-01 00:00:00'));
    const over = await sync();
    expect(over.code).toBe(3);
    expect(over.stderr).toBe(
      'devaccess: Profile default has a session that has expired [DA_CREDENTIALS_EXPIRED] ' +
        'Next: run devaccess mfa\n',
    );
    writeFileSync(file, read(file).replace(/\n\[default\][^]*/, '\n'));
    const none = await sync();
    expect(none.code).toBe(3);
    expect(none.stderr).toContain('Profile default has no session yet [DA_NO_CREDENTIALS]');
  });

  it('uses the keys of the environment where no profile was named, and names none', async () => {
    const { accessKeyId, secretAccessKey } = sandbox.accessKey;
    const keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    expect((await sync([], keys)).code).toBe(0);
    expect(read(hostsFile())).toContain('--target %h --port %p --region us-east-1\n');
    expect(read(hostsFile())).not.toContain('--profile');
  });

  it('does not replace a file that is not its own', async () => {
    mkdirSync(join(home, '.ssh', 'config.d'), { recursive: true });
    writeFileSync(hostsFile(), 'Host mine\n');
    expect((await sync()).stderr).toContain('[DA_FOREIGN_FILE]');
    expect(read(hostsFile())).toBe('Host mine\n');
  });

  it('gives no name a second meaning', async () => {
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    writeFileSync(mainConfig(), 'Host someserver\n  HostName other.example\n');
    const { hosts } = await syncJson();
    const suffixed = `someserver-${idOf('someserver').slice(-6)}`;
    expect(hosts.find(({ hostName }) => hostName === '10.0.1.10')!.alias).toBe(suffixed);
    expect((await sshOptions('someserver')).get('hostname')).toBe('other.example');
  });
});

async function denyingServer(body: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(403).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
