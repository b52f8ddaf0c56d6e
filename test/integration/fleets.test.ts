import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { liveAccounts } from '../../src/commands/hosts/live-accounts.ts';
import { syncRequest } from '../../src/commands/hosts/sync-request.ts';
import type { SyncFlags } from '../../src/commands/hosts/sync-request.ts';
import { readConfig } from '../../src/config/config-file.ts';
import { editText } from '../../src/hosts/edit-text.ts';
import { chooseTrusted } from '../../src/hosts/host-keys/choose-hosts.ts';
import { listHosts } from '../../src/hosts/host-list.ts';
import { renderKnownHosts } from '../../src/hosts/host-keys/known-hosts-file.ts';
import { withTrustedKeys } from '../../src/hosts/host-keys/trusted-entries.ts';
import { readSyncedHosts, readSyncedTexts, reachHost } from '../../src/hosts/synced-hosts.ts';
import { syncHosts } from '../../src/hosts/sync.ts';
import type { SyncResult } from '../../src/hosts/sync-result.ts';
import type { Ec2Instance, ManagedNode } from '../../src/sandbox/account.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { ed25519 } from '../unit/hosts/host-keys/keys.ts';

/** Two accounts, `work` and `lab`, each an AWS of its own; `dead` is one that nobody answers for. */
let work: Sandbox;
let lab: Sandbox;
let template: Ec2Instance;
let home: string;
const before = { ...process.env };

beforeAll(async () => {
  [work, lab] = await Promise.all([startSandbox(), startSandbox()]);
  template = work.account.instances[0]!;
});
afterAll(async () => {
  process.env = before;
  await Promise.all([work.close(), lab.close()]);
});

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'da-fleets-'));
  mkdirSync(join(home, '.aws'));
  mkdirSync(join(home, '.config', 'devaccess'), { recursive: true });
  const profile = (name: string, endpoint: string, keys: Sandbox['accessKey'] | undefined) =>
    `[profile ${name}]\nendpoint_url = ${endpoint}\nregion = us-east-1\n` +
    (keys === undefined
      ? ''
      : `aws_access_key_id = ${keys.accessKeyId}\naws_secret_access_key = ${keys.secretAccessKey}\n`);
  writeFileSync(
    join(home, '.aws', 'config'),
    profile('work', work.endpoint, work.accessKey) +
      profile('lab', lab.endpoint, lab.accessKey) +
      profile('dead', `http://127.0.0.1:${await closedPort()}`, lab.accessKey),
  );
  process.env = { PATH: before.PATH, HOME: home, AWS_PROFILE: 'work' };
  for (const sandbox of [work, lab]) {
    const { instances, nodes } = contents(sandbox);
    instances.splice(0, instances.length, ...seeds(sandbox, 'us-east-1'));
    nodes.length = 0;
    nodes.push(...instances.slice(0, 2).map((instance) => managed(instance)));
  }
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const contents = (sandbox: Sandbox) =>
  sandbox.account as unknown as { instances: Ec2Instance[]; nodes: ManagedNode[] };

/** `bastion` and `web`, both in Systems Manager, and `db` behind the bastion. */
function seeds(sandbox: Sandbox, region: string): Ec2Instance[] {
  const digits = sandbox === work ? 'a' : 'b';
  return ['bastion', 'web', 'db'].map((name, at) => ({
    ...template,
    instanceId: `i-${region === 'us-east-1' ? '0' : '1'}${digits.repeat(15)}${at}`,
    privateIpAddress: `10.0.0.1${at}`,
    state: 'running',
    region,
    vpcId: `vpc-${region}`,
    tags: { Name: name, Env: sandbox === work ? 'prod' : 'test' },
  }));
}

function managed(
  { instanceId, region }: Ec2Instance,
  changes: Partial<ManagedNode> = {},
): ManagedNode {
  return {
    instanceId,
    region,
    pingStatus: 'Online',
    lastPingAtMs: 0,
    agentVersion: '3.3.0.0',
    platformType: 'Linux',
    platformName: 'Ubuntu',
    platformVersion: '24.04',
    resourceType: 'EC2Instance',
    ipAddress: '10.0.0.1',
    computerName: 'x',
    ...changes,
  };
}

function hybrid(digit: string, changes: Partial<ManagedNode>): ManagedNode {
  const instanceId = `mi-${digit.repeat(17)}`;
  return {
    ...managed(contents(work).instances[0]!),
    resourceType: 'ManagedInstance',
    ...changes,
    instanceId,
  };
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function configure(text: string): void {
  writeFileSync(join(home, '.config', 'devaccess', 'config.toml'), text, { mode: 0o600 });
}

async function sync(flags: Partial<SyncFlags> = {}): Promise<SyncResult> {
  const asked = { 'dry-run': false, ...flags };
  const { request } = await syncRequest(asked, readConfig(process.env), process.env);
  const program = { node: '/usr/bin/node', script: '/opt/devaccess-proxy.js' };
  return syncHosts(request, { sshDirectory: join(home, '.ssh'), loginHome: '/nobody', program });
}

const folder = (): string => join(home, '.ssh', 'config.d');
const files = (): string[] => (existsSync(folder()) ? readdirSync(folder()).sort() : []);
const mainConfig = (): string => readFileSync(join(home, '.ssh', 'config'), 'utf8');
const aliases = ({ hosts }: SyncResult): string[] => hosts.map(({ alias }) => alias);

/** What the installed ssh makes of a name. */
function ssh(name: string): Map<string, string> {
  const config = join(home, '.ssh', 'config');
  const { stdout, stderr, status } = spawnSync('ssh', ['-T', '-G', '-F', config, name], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return new Map(
    stdout.split('\n').map((line) => [line.split(' ')[0]!, line.replace(/^\S+ /, '')]),
  );
}

const TWO = `[fleets.prod]
profile = "work"
regions = ["us-east-1", "eu-west-1"]
[fleets.test]
profile = "lab"
prefix = "t-"
`;

describe('several fleets', () => {
  it('are synced at once, regions and accounts apart, names told apart', async () => {
    configure(TWO.replace('prefix = "t-"\n', ''));
    const far = seeds(work, 'eu-west-1').slice(1, 2);
    contents(work).instances.push(...far);
    contents(work).nodes.push(...far.map((instance) => managed(instance)));
    const result = await sync();
    expect(result.failed).toEqual([]);
    expect(files()).toEqual([
      'devaccess-prod@eu-west-1.conf',
      'devaccess-prod@us-east-1.conf',
      'devaccess-test@us-east-1.conf',
    ]);
    expect(aliases(result)).toEqual([
      'bastion-aaaaa0',
      'db-aaaaa2',
      'web-0aaaaaaaaaaaaaaa1',
      'web-1aaaaaaaaaaaaaaa1',
      'bastion-bbbbb0',
      'db-bbbbb2',
      'web-bbbbb1',
    ]);
    const command = (name: string): string | undefined => ssh(name).get('proxycommand');
    expect(command('web-1aaaaaaaaaaaaaaa1')).toMatch(/--profile work --region eu-west-1$/);
    expect(command('web-bbbbb1')).toMatch(/--profile lab --region us-east-1$/);
    expect(ssh('db-bbbbb2').get('proxyjump')).toBe('bastion-bbbbb0');
    expect(statSync(join(folder(), files()[0]!)).mode & 0o777).toBe(0o600);
    const again = await sync();
    expect(again.files.map(({ outcome }) => outcome)).toEqual(Array(4).fill('unchanged'));
    expect(again.unchanged).toHaveLength(7);
  });

  it('keep the entries of one that fails, whatever the reason', async () => {
    configure(TWO);
    await sync();
    const kept = readFileSync(join(folder(), 'devaccess-prod@us-east-1.conf'), 'utf8');
    contents(lab).instances.splice(1, 1);
    for (const [profile, code] of [
      ['dead', 'DA_ENDPOINT_UNREACHABLE'],
      ['nobody', 'DA_NO_PROFILE'],
    ]) {
      configure(TWO.replace('profile = "work"', `profile = "${profile!}"`));
      const result = await sync();
      expect(new Set(result.failed.map(({ fleet, code: found }) => `${fleet!} ${found}`))).toEqual(
        new Set([`prod ${code!}`]),
      );
      expect(readFileSync(join(folder(), 'devaccess-prod@us-east-1.conf'), 'utf8')).toBe(kept);
      expect(aliases(result)).toEqual(['t-bastion', 't-db']);
      expect(ssh('web').get('hostname')).toBe(`i-0${'a'.repeat(15)}1`);
    }
  });

  it('tell names from those of a fleet that failed', async () => {
    configure(TWO.replace('prefix = "t-"\n', ''));
    await sync();
    configure(TWO.replace('prefix = "t-"\n', '').replace('profile = "work"', 'profile = "dead"'));
    const result = await sync();
    expect(aliases(result)).toEqual(['bastion-bbbbb0', 'db-bbbbb2', 'web-bbbbb1']);
    expect(result.changed).toEqual([]);
  });

  it('are removed with their hosts when the config file has them no more', async () => {
    configure(TWO);
    await sync({ profile: 'work' });
    expect(files()).toEqual(['devaccess-work-us-east-1.conf']);
    // The same account as a fleet: its file takes the place of the former.
    const moved = await sync();
    expect(files()).toEqual(['devaccess-prod@us-east-1.conf', 'devaccess-test@us-east-1.conf']);
    expect([moved.removed, moved.unchanged]).toEqual([[], ['bastion', 'db', 'web']]);
    configure('[fleets.test]\nprofile = "lab"\nprefix = "t-"\n');
    await sync({ fleet: ['test'] });
    expect(files()).toContain('devaccess-prod@us-east-1.conf');
    const { removed } = await sync();
    expect(removed.sort()).toEqual(['bastion', 'db', 'web']);
    expect(files()).toEqual(['devaccess-test@us-east-1.conf']);
    contents(lab).instances.length = 0;
    contents(lab).nodes.length = 0;
    expect((await sync()).removed).toHaveLength(3);
    expect(files()).toEqual([]);
    expect(mainConfig()).toBe('');
  });

  it('leave alone what another config file wrote, and what flags wrote', async () => {
    configure(TWO);
    await sync();
    await sync({ profile: 'lab', prefix: 'x-' });
    const other = join(home, 'other.toml');
    writeFileSync(other, '[fleets.mine]\nprofile = "lab"\nprefix = "m-"\n', { mode: 0o600 });
    process.env.DEVACCESS_CONFIG = other;
    await sync();
    // Of `lab` by flags there is a fleet now.
    expect(files()).toEqual([
      'devaccess-mine@us-east-1.conf',
      'devaccess-prod@us-east-1.conf',
      'devaccess-test@us-east-1.conf',
    ]);
  });

  it('have settings that flags win over', async () => {
    configure(`${TWO}tags = { Env = "nothing" }\nuser = "a"\n`);
    expect(aliases(await sync({ fleet: ['test'] }))).toEqual([]);
    const flags = {
      fleet: ['test'],
      tag: ['Env=te*', 'Name=web', 'Name=x'],
      user: 'b',
      prefix: 'y-',
    };
    const { hosts, filtered } = await sync(flags);
    expect(hosts).toMatchObject([
      { alias: 'y-web', user: 'b', fleet: 'test', region: 'us-east-1' },
    ]);
    expect(filtered).toBe(2);
    const text = readFileSync(join(folder(), 'devaccess-test@us-east-1.conf'), 'utf8');
    expect(text).toContain(
      "devaccess hosts sync --fleet test --user b --prefix y- --tag 'Env=te*' --tag Name=web --tag Name=x\n",
    );
  });

  it('share servers without giving them two entries', async () => {
    configure('[fleets.all]\n[fleets.webs]\ntags = { Name = "web" }\nuser = "w"\n');
    const { hosts, notices } = await sync();
    expect(hosts.map(({ alias, fleet }) => [alias, fleet])).toEqual([
      ['bastion', 'all'],
      ['db', 'all'],
      ['web', 'all'],
    ]);
    expect(notices).toContainEqual(
      expect.stringMatching(/^webs in us-east-1: web \(i-0a+1\): the entry is that of fleet all$/),
    );
  });

  it('do not suffer from a file of somebody else in the place of one', async () => {
    configure(TWO);
    mkdirSync(folder(), { recursive: true });
    const path = join(folder(), 'devaccess-prod@us-east-1.conf');
    writeFileSync(path, 'Host mine\n');
    const { failed, hosts } = await sync();
    expect(failed).toMatchObject([{ fleet: 'prod', code: 'DA_FOREIGN_FILE' }]);
    expect(hosts).toHaveLength(3);
    expect(readFileSync(path, 'utf8')).toBe('Host mine\n');
  });

  it.each<[Partial<SyncFlags>, string]>([
    [{ fleet: ['prood'] }, 'did you mean prod?'],
    [{ prefix: '-x' }, '--prefix: "-x" is not letters'],
    [{ tag: ['Role'] }, '--tag: "Role" is not KEY=VALUE'],
    [{ region: ['europe'] }, '--region: "europe" is not an AWS region'],
    [{ bastion: 'bastion' }, '--bastion: "bastion" is not an instance id, tag:KEY=VALUE'],
    [{ 'alias-template': '{nane}' }, '--alias-template: "{nane}" is not'],
  ])('are refused with %o, before AWS is asked', async (flags, message) => {
    configure(TWO.replaceAll(/"(work|lab)"/g, '"dead"'));
    await expect(sync(flags)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('a bastion of a fleet', () => {
  it('is looked for in every region, and need not be in each', async () => {
    const far = seeds(work, 'eu-west-1');
    contents(work).instances.push(...far);
    contents(work).nodes.push(managed(far[1]!));
    const bastion = contents(work).instances[0]!.instanceId;
    configure(TWO.replace('[fleets.test]', `bastion = "${bastion}"\nprefix = "w-"\n[fleets.test]`));
    const { hosts, skipped } = await sync({ fleet: ['prod'] });
    expect(hosts.filter(({ route }) => route === 'jump').map(({ region }) => region)).toEqual([
      'us-east-1',
    ]);
    expect(hosts.filter(({ region }) => region === 'eu-west-1')).toHaveLength(1);
    expect(new Set(skipped.map(({ reason }) => reason))).toEqual(
      new Set(['not in Systems Manager, and no bastion is in its network']),
    );
    configure(TWO.replace('[fleets.test]', 'bastion = "i-0123456789abcdef0"\n[fleets.test]'));
    const { failed } = await sync();
    expect(failed.map(({ code, region }) => [code, region])).toEqual([
      ['DA_BASTION_NOT_FOUND', 'us-east-1'],
      ['DA_BASTION_NOT_FOUND', 'eu-west-1'],
    ]);
  });
});

describe('a region where no server can be reached', () => {
  const lone = (): Ec2Instance => ({ ...seeds(work, 'eu-west-1')[2]!, tags: { Name: 'nat' } });

  it('is no failure beside others, and loses the entries of servers that are gone', async () => {
    configure(TWO);
    contents(work).instances.push(lone());
    const { failed, skipped } = await sync();
    expect(failed).toEqual([]);
    expect(skipped).toMatchObject([
      { name: 'nat', reason: expect.stringContaining('no bastion') as string },
    ]);
    const web = { ...lone(), instanceId: 'i-1aaaaaaaaaaaaaaa7', tags: { Name: 'far' } };
    contents(work).instances.push(web);
    contents(work).nodes.push(managed(web));
    // Through it the other is reached as well.
    expect((await sync()).added).toEqual(['far', 'nat']);
    contents(work).instances.pop();
    contents(work).nodes.pop();
    // What the bastion led to is still there: its entry waits for the next one.
    const { failed: lost, removed } = await sync();
    expect(lost).toMatchObject([{ code: 'DA_BASTION_NOT_FOUND', region: 'eu-west-1' }]);
    expect(removed).toEqual([]);
    contents(work).instances.splice(-1, 1, { ...lone(), instanceId: 'i-1aaaaaaaaaaaaaaa8' });
    const { failed: none, removed: gone } = await sync();
    expect([none, gone]).toEqual([[], ['far', 'nat']]);
  });
});

describe('hybrid nodes', () => {
  it('have user, port and name by their tags, also as things of AWS IoT', async () => {
    contents(work).nodes.push(
      hybrid('1', {
        computerName: 'nas.lan',
        tags: { 'ssh-user': 'admin', 'ssh-port': '2222', Where: 'Cellar' },
      }),
      hybrid('2', { thingName: 'Pump 7', computerName: 'x' }),
      hybrid('3', { computerName: 'gone', pingStatus: 'ConnectionLost' }),
    );
    const { hosts, skipped } = await sync({ 'alias-template': '{tag:Where}-{name}' });
    expect(hosts.filter(({ instanceId }) => instanceId!.startsWith('mi-'))).toMatchObject([
      { alias: 'cellar-nas', user: 'admin', port: 2222, route: 'direct' },
      { alias: 'pump-7', user: null, port: 22, route: 'direct' },
    ]);
    expect(skipped).toMatchObject([
      { name: 'gone', reason: 'not online in Systems Manager (ConnectionLost)' },
    ]);
  });
});

describe('what has no entry', () => {
  it('is a comment if asked for', async () => {
    const { instances } = contents(work);
    instances.push({
      ...instances[2]!,
      instanceId: 'i-0123456789abcdef0',
      state: 'stopped',
      tags: { Name: 'old\nHost *' },
    });
    const hosts = (): string =>
      readFileSync(join(folder(), 'devaccess-work-us-east-1.conf'), 'utf8');
    await sync();
    expect(hosts()).not.toContain('stopped');
    const { hosts: entries } = await sync({ 'include-stopped': true });
    expect(entries).toHaveLength(3);
    expect(hosts()).toContain('\n# old-host i-0123456789abcdef0: stopped\n');
  });
});

describe('entries in the config itself', () => {
  it('come and go without a trace, and are read as those in files are', async () => {
    configure(TWO);
    mkdirSync(join(home, '.ssh'));
    const own = 'User me\nHost x\n  Port 9\n';
    writeFileSync(join(home, '.ssh', 'config'), own);
    await sync();
    const included = mainConfig();
    const texts = readSyncedHosts(join(home, '.ssh'));
    const moved = await sync({ inline: true });
    expect(files()).toEqual([]);
    expect(mainConfig()).not.toContain('Include');
    expect(mainConfig().endsWith(`\n# <<< devaccess-test@us-east-1.conf <<<\n${own}`)).toBe(true);
    expect([moved.added, moved.changed, moved.removed]).toEqual([[], [], []]);
    expect(readSyncedHosts(join(home, '.ssh'))).toEqual(texts);
    expect(ssh('web').get('user')).toBe('ubuntu');
    expect(ssh('x').get('port')).toBe('9');
    expect(ssh('elsewhere').get('user')).toBe('me');
    expect((await sync({ inline: true })).files).toMatchObject([{ outcome: 'unchanged' }]);
    // One account alone: the other stays where it is.
    await sync({ fleet: ['test'] });
    expect(files()).toEqual(['devaccess-test@us-east-1.conf']);
    expect([ssh('web').get('user'), ssh('t-web').get('user')]).toEqual(['ubuntu', 'ubuntu']);
    await sync();
    expect(mainConfig()).toBe(included);
    expect(files()).toHaveLength(2);
  });

  it('may be the way the config file wants it', async () => {
    configure(`${TWO}[ssh]\ninline = true\n`);
    await sync();
    expect(files()).toEqual([]);
    await sync({ inline: false });
    expect(files()).toHaveLength(2);
  });
});

describe('trusted keys', () => {
  const keys = (name: string): string => join(home, '.ssh', 'known_hosts.d', name);
  const id = (name: string): string =>
    contents(work).instances.find(({ tags }) => tags['Name'] === name)!.instanceId;

  function trust(name: string, ids: readonly string[]): void {
    const host = { keys: [ed25519(1)], toldBy: { kind: 'node' }, refused: [] } as const;
    mkdirSync(join(home, '.ssh', 'known_hosts.d'), { recursive: true });
    writeFileSync(keys(name), renderKnownHosts(new Map(ids.map((each) => [each, host]))));
  }

  it('move with their servers, from an account to a fleet and to one of another name', async () => {
    await sync({ profile: 'work' });
    trust('devaccess-work-us-east-1', [id('web'), id('db'), 'i-0123456789abcdef0']);
    const [, , db] = contents(work).instances;
    contents(work).instances[2] = { ...db!, state: 'stopped' };
    const strict = 'stricthostkeychecking';
    for (const fleet of ['prod', 'production']) {
      configure(
        `[fleets.${fleet}]\nprofile = "work"\n[fleets.test]\nprofile = "lab"\nprefix = "t-"\n`,
      );
      const { files: written } = await sync();
      expect(ssh('web').get(strict)).toBe('true');
      expect(ssh('web').get('userknownhostsfile')).toContain(keys(`devaccess-${fleet}@us-east-1`));
      expect(ssh('bastion').get(strict)).toBe('ask');
      expect(written.map(({ path, outcome }) => `${basename(path)} ${outcome}`)).toContain(
        `devaccess-${fleet}@us-east-1 created`,
      );
      // That of an instance which is no more is in the file it was in, and nobody's.
      expect(existsSync(keys('devaccess-work-us-east-1'))).toBe(true);
      expect(existsSync(keys('devaccess-prod@us-east-1'))).toBe(fleet === 'prod');
    }
    contents(work).instances[2] = db!;
    await sync();
    expect(ssh('db').get(strict)).toBe('true');
  });

  it('move with an entry to the fleet that has it by now', async () => {
    const fleets = (env: string): string =>
      `[fleets.a]\ntags = { Env = "${env}" }\n[fleets.b]\nuser = "b"\n`;
    configure(fleets('prod'));
    await sync();
    trust('devaccess-a@us-east-1', [id('web')]);
    configure(fleets('other'));
    await sync();
    expect(ssh('web').get('stricthostkeychecking')).toBe('true');
    expect(readFileSync(keys('devaccess-b@us-east-1'), 'utf8')).toContain(`\n${id('web')} `);
    expect(readFileSync(keys('devaccess-a@us-east-1'), 'utf8')).toBe('');
    expect((await sync()).files.every(({ outcome }) => outcome === 'unchanged')).toBe(true);
  });

  it('that were damaged fail their own fleet alone', async () => {
    configure(TWO);
    await sync();
    trust('devaccess-prod@us-east-1', [id('web')]);
    appendFileSync(keys('devaccess-prod@us-east-1'), 'web ssh-ed25519 AAAA\n');
    const { failed, hosts } = await sync();
    expect(failed).toMatchObject([{ fleet: 'prod', region: 'us-east-1', code: 'DA_KNOWN_HOSTS' }]);
    expect(hosts).toHaveLength(3);
  });

  it('are made use of by entries in the config itself', async () => {
    mkdirSync(join(home, '.ssh'));
    writeFileSync(join(home, '.ssh', 'config'), 'Host mine\n  User me\n');
    await sync({ inline: true });
    const plain = mainConfig();
    const name = 'devaccess-work-us-east-1.conf';
    const place = { sshDirectory: join(home, '.ssh'), loginHome: '/nobody' };
    const insist = (text: string): string =>
      withTrustedKeys(text, (each) => each === id('web'), name, place);
    await editText(name, insist, place.sshDirectory);
    expect(ssh('web').get('stricthostkeychecking')).toBe('true');
    expect(ssh('mine').get('stricthostkeychecking')).toBe('ask');
    await editText(
      name,
      (text) => withTrustedKeys(text, () => false, name, place),
      place.sshDirectory,
    );
    expect(mainConfig()).toBe(plain);
    trust('devaccess-work-us-east-1', [id('web')]);
    await sync({ inline: true });
    expect(ssh('web').get('stricthostkeychecking')).toBe('true');
    expect(files()).toEqual([]);
  });
});

describe('fixed hosts', () => {
  const FIXED = `${TWO}
[hosts.nas]
instance = "mi-00000000000000007"
profile = "lab"
region = "eu-west-1"
user = "root"
port = 2022
control-master = "5m"
[hosts.web]
address = "web.internal"
via = "db"
[hosts.printer]
address = "10.9.9.9"
via = "bastion"
route = "remote-host"
[hosts.ghost]
address = "10.9.9.9"
via = "nowhere"
`;

  it('have entries of their own, and their names go first', async () => {
    configure(FIXED);
    const result = await sync();
    expect(result.failed).toEqual([]);
    expect(result.skipped).toContainEqual({
      name: 'ghost',
      instanceId: null,
      reason: 'there is no host nowhere to reach it through',
      fleet: null,
      region: null,
    });
    expect(result.hosts.slice(0, 3)).toMatchObject([
      { alias: 'nas', instanceId: 'mi-00000000000000007', route: 'direct', profile: 'lab' },
      { alias: 'web', instanceId: null, route: 'jump', hostName: 'web.internal', profile: 'work' },
      { alias: 'printer', route: 'remote-host', hostName: '10.9.9.9' },
    ]);
    const nas = ssh('nas');
    expect([nas.get('hostname'), nas.get('user'), nas.get('port')]).toEqual([
      'mi-00000000000000007',
      'root',
      '2022',
    ]);
    expect(nas.get('controlpath')).toMatch(/^\/.*\/\.ssh\/devaccess-mux\/[0-9a-f]{40}$/);
    expect(statSync(join(home, '.ssh', 'devaccess-mux')).mode & 0o777).toBe(0o700);
    expect(ssh('web').get('proxyjump')).toBe('db');
    expect(ssh('web').get('hostkeyalias')).toBe('web');
    expect(ssh('web-aaaaa1').get('hostname')).toBe(`i-0${'a'.repeat(15)}1`);
    const bastion = `i-0${'a'.repeat(15)}0`;
    expect(ssh('printer').get('proxycommand')).toMatch(
      new RegExp(
        `--target ${bastion} --host 10\\.9\\.9\\.9 --port %p --profile work --region us-east-1$`,
      ),
    );
    const synced = readSyncedHosts(join(home, '.ssh'));
    expect(reachHost('printer', synced)).toMatchObject({ target: bastion, remoteHost: '10.9.9.9' });
    expect(reachHost('nas', synced)).toMatchObject({ profile: 'lab', region: 'eu-west-1' });
    const texts = readSyncedTexts(join(home, '.ssh'));
    const choice = { all: true, profile: undefined, region: undefined, accepted: [], hosts: [] };
    const tagAccount = () => Promise.reject(new Error('unexpected'));
    const world = { syncedHosts: synced, tagAccount };
    const { texts: asked } = await chooseTrusted(texts, choice, world);
    const names = asked.flatMap(({ hosts }) => hosts.map(({ alias }) => alias));
    // By ids alone can keys be kept.
    expect([names.includes('nas'), names.includes('printer')]).toEqual([true, false]);
    await expect(
      chooseTrusted(texts, { ...choice, all: false, hosts: ['printer'] }, world),
    ).rejects.toThrow('printer has no instance id, by which keys are kept');
    configure(TWO);
    expect((await sync()).removed.sort()).toEqual(['nas', 'printer', 'web']);
    expect(files().join()).not.toContain('@hosts');
  });

  it('need no account', async () => {
    configure('[hosts.nas]\ninstance = "mi-00000000000000007"\n');
    process.env.AWS_PROFILE = 'nobody';
    const result = await sync();
    expect(result.failed).toMatchObject([{ code: 'DA_NO_PROFILE', fleet: null }]);
    expect(aliases(result)).toEqual(['nas']);
    expect(ssh('nas').get('proxycommand')).toMatch(/--target %h --port %p$/);
  });
});

it('are listed with whether they can be reached, those of accounts as those of fleets', async () => {
  await sync({ profile: 'lab', prefix: 'x-' });
  configure('[fleets.prod]\nprofile = "work"\n[fleets.gone]\nprofile = "dead"\n');
  await sync();
  const [bastion, web] = contents(work).nodes;
  contents(work).nodes.splice(0, 2, bastion!, { ...web!, pingStatus: 'ConnectionLost' });
  contents(work).instances.push({ ...template, instanceId: 'i-0123456789abcdef9', tags: {} });
  const texts = readSyncedTexts(join(home, '.ssh'));
  const live = await liveAccounts(texts, readConfig(process.env), process.env, () => undefined);
  const listed = listHosts(texts, live);
  const shown = listed.map(({ name, status, fleet }) => [name, status, fleet]);
  expect(shown).toEqual([
    ['x-bastion', 'online', null],
    ['x-db', 'behind', null],
    ['x-web', 'online', null],
    ['bastion', 'online', 'prod'],
    ['db', 'behind', 'prod'],
    ['web', 'offline', 'prod'],
    ['i-0123456789abcdef9', 'no-entry', 'prod'],
  ]);
  expect(live.failures).toMatchObject([{ fleet: 'gone' }]);
});

it('tells of lines of the person that win over entries', async () => {
  mkdirSync(join(home, '.ssh'));
  const include = `Include ${home}/.ssh/config.d/*`;
  writeFileSync(join(home, '.ssh', 'config'), `Include corp\nUser me\n${include}\n`);
  const { notices } = await sync();
  expect(notices).toContainEqual(
    expect.stringMatching(
      /config:2: user for all hosts .* wins over theirs for 2 servers, such as /,
    ),
  );
});
