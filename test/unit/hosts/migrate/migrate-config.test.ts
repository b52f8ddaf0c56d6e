import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { migrateConfig } from '../../../../src/hosts/migrate/migrate-config.ts';
import { readStartSession } from '../../../../src/hosts/migrate/start-session-command.ts';

const START = 'ssm start-session --target %h --document-name AWS-StartSSHSession';
const own = { target: '%h', port: '%p', profile: undefined, region: undefined };

describe('a hand-made ProxyCommand', () => {
  it.each([
    // The user guide of Systems Manager, for Linux, macOS and Windows.
    [`sh -c "aws ${START} --parameters 'portNumber=%p'"`, own],
    [
      String.raw`C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe "aws ${START} --parameters portNumber=%p"`,
      own,
    ],
    [
      `bash -c "aws ${START} --parameters portNumber=%p --profile dev --region eu-west-1"`,
      {
        ...own,
        profile: 'dev',
        region: 'eu-west-1',
      },
    ],
    [
      `aws --profile=dev ${START} --parameters portNumber=22`,
      { ...own, profile: 'dev', port: '22' },
    ],
    [
      `env AWS_PROFILE=dev AWS_REGION=us-east-1 aws ${START} --parameters 'portNumber=%p'`,
      {
        ...own,
        profile: 'dev',
        region: 'us-east-1',
      },
    ],
    [
      `sh -c 'AWS_PROFILE=a exec /usr/local/bin/aws ${START} --profile b --parameters "portNumber=%p"'`,
      {
        ...own,
        profile: 'b',
      },
    ],
    [
      `sh -c "aws ssm start-session --target i-0123456789abcdef0 --document-name AWS-StartSSHSession --parameters '{\\"portNumber\\":[\\"%p\\"]}'"`,
      { ...own, target: 'i-0123456789abcdef0' },
    ],
  ])('is read: %s', (value, expected) => {
    expect(readStartSession(value)).toEqual(expected);
  });

  it.each([
    [
      `sh -c "aws ${START} --parameters 'portNumber=%p' --endpoint-url http://x"`,
      'it has --endpoint-url',
    ],
    [`aws-vault exec dev -- aws ${START} --parameters portNumber=%p`, 'it starts aws-vault'],
    [`sh -c "HTTPS_PROXY=x aws ${START} --parameters portNumber=%p"`, 'it sets HTTPS_PROXY'],
    [
      `sh -c "aws ${START} --parameters portNumber=%p | tee log"`,
      'it does more than start a session',
    ],
    [`sh -c "aws ${START} --parameters portNumber=%p --region $R"`, "its region is '$R'"],
    [
      `sh -c "aws ssm start-session --target $(id %h) --document-name AWS-StartSSHSession"`,
      'it does more than start a session',
    ],
    ['aws ssm start-session --target %h', 'its document is not AWS-StartSSHSession'],
    [`sh -c "aws ${START}`, 'its quotes do not close'],
    [`aws ${START} --parameters host=x`, 'its parameters are not portNumber'],
  ])('stays: %s', (value, why) => {
    expect(readStartSession(value)).toEqual({ why });
  });

  it.each(['nc %h %p', 'ssh -W %h:%p bastion', '~/.ssh/ssm-proxy.sh %h %p', 'none'])(
    'is none of Session Manager: %s',
    (value) => expect(readStartSession(value)).toBeUndefined(),
  );
});

const program = { node: '/usr/bin/node', script: '/opt/dev access/bin/devaccess-proxy.js' };
const CONFIG = [
  '# mine\r\n',
  'Host i-* mi-*\r\n',
  `\tProxyCommand sh -c "aws ${START} --parameters 'portNumber=%p'"   \r\n`,
  '  User ec2-user\r\n',
  'Host web\n',
  `  proxycommand=aws ${START} --parameters portNumber=%p --profile 'my dev'\n`,
  'Host old\n  ProxyCommand nc %h %p\n',
  'Match host *.internal\n',
  `  ProxyCommand aws-vault exec x -- aws ${START} --parameters portNumber=%p`,
].join('');

it('changes the values that it understands, and nothing else', () => {
  const { text, migrated, left } = migrateConfig(CONFIG, program);
  expect(migrated).toEqual(['i-* mi-*']);
  expect(left).toEqual([
    { host: 'web', line: 6, why: "'my dev' cannot be a profile name" },
    { host: 'host *.internal', line: 10, why: 'it starts aws-vault' },
  ]);
  const ours = '"/usr/bin/node" "/opt/dev access/bin/devaccess-proxy.js" --target %h --port %p';
  const before = `sh -c "aws ${START} --parameters 'portNumber=%p'"`;
  expect(text).toBe(CONFIG.replace(before, ours));
  expect(migrateConfig(text, program)).toMatchObject({ text, migrated: [] });
});

it('means to ssh what was meant', () => {
  const folder = mkdtempSync(join(tmpdir(), 'devaccess-migrate-'));
  const file = join(folder, 'config');
  const given = `sh -c "aws ${START} --parameters 'portNumber=%p' --profile dev --region eu-west-1"`;
  writeFileSync(file, migrateConfig(`Host i-*\n  ProxyCommand ${given}\n`, program).text);
  const { stdout } = spawnSync('ssh', ['-G', '-F', file, 'i-0123456789abcdef0'], {
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });
  expect(stdout).toContain(
    'devaccess-proxy.js" --target %h --port %p --profile dev --region eu-west-1\n',
  );
});
