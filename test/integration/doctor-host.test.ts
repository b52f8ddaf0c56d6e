import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HostReport } from '../../src/commands/doctor/host-report.ts';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { Person } from './support/person.ts';

let person: Person;
const undo: (() => void)[] = [];

beforeAll(async () => {
  person = await Person.arrive();
  await person.startDay();
});
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) each();
  await person.noSessionIsOpen();
});
afterAll(() => person.leave());

interface Walk {
  code: number | null;
  report: HostReport;
  /** Of the step at which it ended. */
  end: { step: string; node: string | null; ids: string[]; fix: unknown } | undefined;
  /** Of everything that is not `ok`. */
  ids: string[];
}

async function walkTo(host: string): Promise<Walk> {
  const { code, stdout, stderr } = await person.run('devaccess', ['doctor', host, '--json']);
  expect(stderr).toBe('');
  const report = JSON.parse(stdout.toString()) as HostReport;
  const off = ({ severity }: { severity: string }): boolean => severity !== 'ok';
  const last = report.steps.find(({ state }) => state === 'failed' || state === 'needs-person');
  const after = last === undefined ? [] : report.steps.slice(report.steps.indexOf(last) + 1);
  expect(after.every(({ state }) => state === 'not-reached')).toBe(true);
  const wrong = last?.findings.filter(({ severity }) => severity === 'problem') ?? [];
  const end =
    last === undefined
      ? undefined
      : { step: last.step, node: last.node, ids: wrong.map(({ id }) => id), fix: wrong[0]?.fix };
  return {
    code,
    report,
    end,
    ids: report.steps.flatMap(({ findings }) => findings.filter(off).map(({ id }) => id)),
  };
}

/** Changes a file of the person's for one test. */
function edit(name: string, change: (text: string) => string): void {
  const path = join(person.home, name);
  const before = readFileSync(path, 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(path, after);
  undo.push(() => writeFileSync(path, before));
}

const HOSTS = '.ssh/config.d/devaccess-default-us-east-1.conf';

/** Puts a line before everything else of the SSH config. */
function sshConfig(lines: string): void {
  edit('.ssh/config', (text) => `Host *\n${lines}\n${text}`);
}

function deny(actions: string[], resources: string[]): void {
  const { inlinePolicies } = person.aws.sandbox.user;
  const denied = { Effect: 'Deny', Action: actions, Resource: resources };
  inlinePolicies.set('denied', policyOf([denied] as Parameters<typeof policyOf>[0]));
  undo.push(() => inlinePolicies.delete('denied'));
}

/** The account as a test changes it. */
interface ChangingAccount {
  nodes: { instanceId: string; pingStatus: string }[];
}

function disconnect(name: string): void {
  const { nodes } = person.aws.sandbox.account as unknown as ChangingAccount;
  const node = nodes.find(({ instanceId }) => instanceId === person.instanceId(name))!;
  const before = node.pingStatus;
  node.pingStatus = 'ConnectionLost';
  undo.push(() => (node.pingStatus = before));
}

describe('an open way', () => {
  it('is walked to the login, through the bastion, and no session stays', async () => {
    const { code, report, ids } = await walkTo('someserver');
    expect({ code, outcome: report.outcome, ids }).toEqual({ code: 0, outcome: 'ok', ids: [] });
    expect(report).toMatchObject({ instanceId: person.instanceId('someserver') });
    expect(report.bastion).toBe(person.bastionId);
    expect(report.steps.map(({ step, node }) => [step, node])).toEqual([
      ['credentials', null],
      ['endpoints', null],
      ['inventory', 'someserver'],
      ['ssh config', 'someserver'],
      ['agent', 'bastion'],
      ['StartSession', 'bastion'],
      ['data channel', 'bastion'],
      ['port', 'bastion'],
      ['host key', 'bastion'],
      ['login', 'bastion'],
      ['port', 'someserver'],
      ['host key', 'someserver'],
      ['login', 'someserver'],
    ]);
  });

  it('tells what else does not work on it, and goes on', async () => {
    deny(['ssm:StartSession'], ['arn:aws:ssm:*:*:document/AWS-StartPortForwardingSession']);
    const { code, ids } = await walkTo('bastion');
    expect({ code, ids }).toEqual({ code: 0, ids: ['document-refused'] });
  });

  it('is told to people by machine, with the next step', async () => {
    disconnect('bastion');
    const { code, stdout } = await person.run('devaccess', ['doctor', 'someserver']);
    expect(code).toBe(1);
    const text = stdout.toString();
    expect(text).toContain('\nbastion\n  problem  Its agent is not connected');
    expect(text).toMatch(/\[agent-offline\]\n {11}fix: .*systemctl restart amazon-ssm-agent/);
    expect(text).toContain('\nNot reached: StartSession of bastion, ');
    expect(text).toContain('\nIt ends here: agent of bastion.\n');
  });
});

describe('a broken step', () => {
  it('is a session that is over: exit code 3', async () => {
    edit('.aws/credentials', (text) =>
      text.replace(/^expiration = .*$/m, 'expiration = 2020-01-01 00:00:00'),
    );
    const { code, end } = await walkTo('bastion');
    expect(code).toBe(3);
    expect(end).toMatchObject({ step: 'credentials', ids: ['session-expired'] });
    expect(end?.fix).toEqual({ command: 'devaccess mfa' });
  });

  it('is an entry that other lines of the SSH config come before', async () => {
    edit('.ssh/config', (text) => `Host bastion\n  ProxyCommand none\n${text}`);
    const { end } = await walkTo('bastion');
    expect(end).toMatchObject({ step: 'ssh config', ids: ['ssh-entry-shadowed'] });
  });

  it('is a document that the policy denies', async () => {
    deny(['ssm:StartSession'], ['arn:aws:ssm:*:*:document/AWS-StartSSHSession']);
    const { end } = await walkTo('bastion');
    expect(end).toMatchObject({ step: 'StartSession', ids: ['session-refused'] });
    expect(JSON.stringify(end?.fix)).toContain('document/AWS-StartSSHSession');
  });

  it('is a port on which nothing listens, at the bastion or behind it', async () => {
    edit(HOSTS, (text) => text.replace(/^(Host someserver .*)$/m, '$1\n    Port 1'));
    const { end } = await walkTo('someserver');
    expect(end).toMatchObject({ step: 'port', node: 'someserver', ids: ['port-silent'] });
    edit(HOSTS, (text) => text.replace(/^(Host bastion .*)$/m, '$1\n    Port 1'));
    const bastion = await walkTo('bastion');
    expect(bastion.end).toMatchObject({ step: 'port', node: 'bastion', ids: ['port-silent'] });
  });

  it('is a host key that is not known, or another', async () => {
    sshConfig('  UserKnownHostsFile /dev/null\n  StrictHostKeyChecking accept-new');
    const unknown = await walkTo('bastion');
    expect(unknown.end).toMatchObject({
      step: 'host key',
      ids: ['host-key-unknown'],
      fix: { command: 'devaccess hosts trust bastion' },
    });
    const key = readFileSync(person.aws.knownHostsFile, 'utf8').split('\n').filter(Boolean);
    const other = key
      .find((line) => !line.includes(person.bastionId))!
      .split(' ')
      .slice(1);
    const file = join(person.home, 'other_known_hosts');
    writeFileSync(file, `${person.bastionId} ${other.join(' ')}\n`);
    undo.pop()!();
    sshConfig(`  UserKnownHostsFile ${file}`);
    expect((await walkTo('bastion')).end).toMatchObject({ ids: ['host-key-changed'] });
  });

  it('is a login that is refused, or for which there is no key', async () => {
    const key = join(person.home, 'stranger');
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const config = (text: string): string => text.replace(/IdentityFile .*/, `IdentityFile ${key}`);
    edit('.ssh/config', config);
    const refused = await walkTo('bastion');
    expect(refused.end).toMatchObject({ step: 'login', ids: ['login-refused'] });
    edit('.ssh/config', (text) => text.replace(key, '/nowhere'));
    expect((await walkTo('bastion')).end).toMatchObject({ ids: ['login-no-key'] });
  });
});

it('says at once what it does not know, or cannot do', async () => {
  const nosuch = await person.run('devaccess', ['doctor', 'nosuch']);
  expect(nosuch.code).toBe(2);
  expect(nosuch.stderr).toContain('DA_HOST_UNKNOWN');
  const offline = await person.run('devaccess', ['doctor', 'bastion', '--offline']);
  expect(offline.code).toBe(2);
});
