import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { devaccess } from './cli.ts';
import { hasTerminal, onTerminal } from './support/terminal.ts';

let aws: Sandbox;
let home: string;
let env: Record<string, string>;

beforeAll(async () => {
  aws = await startSandbox();
  home = mkdtempSync(join(tmpdir(), 'devaccess-setup-'));
  mkdirSync(join(home, '.aws'));
  const { accessKeyId, secretAccessKey } = aws.accessKey;
  writeFileSync(
    join(home, '.aws', 'config'),
    `[profile work]\nendpoint_url = ${aws.endpoint}\nregion = us-east-1\n` +
      `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n` +
      `[profile alice]\nendpoint_url = ${aws.endpoint}\nregion = us-east-1\n`,
  );
  writeFileSync(
    credentials(),
    '[other-long-term]\naws_access_key_id = A\n[alice-long-term]\n' +
      `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
  );
  env = { HOME: home, PATH: process.env['PATH'] ?? '' };
});
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await aws.close();
});

const credentials = (): string => join(home, '.aws', 'credentials');
const config = (): string => join(home, '.config', 'devaccess', 'config.toml');
const text = (): string => readFileSync(config(), 'utf8');
const setup = (...args: string[]) => devaccess(['setup', ...args], { env });

it.runIf(hasTerminal)('asks, offers the bastion it finds, and writes what it showed', async () => {
  const { code, screen, stdout } = await onTerminal(
    ['setup'],
    [
      // Enter behind a letter must not take what was there before it.
      { after: '❯ other', text: 'wor\r' },
      { after: /✔[^]*❯ other/, text: 'wor' },
      { after: '❯ work', text: '\r' },
      { after: 'Region of the servers (us-east-1):', text: '\r' },
      { after: '❯ auto', text: 'remote' },
      { after: '❯ remote-host', text: '\r' },
      { after: /Bastion:[^]*❯ bastion \(i-/, text: '\r' },
      { after: 'Write this? (y/N)', text: 'y\r' },
    ],
    { env, folder: home },
  );
  expect({ code, screen }).toMatchObject({ code: 0 });
  expect(screen).toContain('+route = "remote-host"');
  expect(stdout).toContain('fleet work: ');
  expect(text()).toBe(
    '[fleets.work]\nprofile = "work"\nregion = "us-east-1"\nroute = "remote-host"\nbastion = "tag:Name=bastion"\n',
  );
});

it('asks nobody where flags say all, and leaves the rest of the file as it is', async () => {
  const rest = '# mine\n[tunnels.db]\nhost = "x"\nports = [1] # one\n';
  mkdirSync(join(home, '.config', 'devaccess'), { recursive: true });
  writeFileSync(config(), rest, { mode: 0o600 });
  const all = [
    '--profile',
    'work',
    '--region',
    'eu-west-1',
    '--route',
    'auto',
    '--bastion',
    'auto',
  ];
  const unsure = await setup(...all);
  expect(unsure.stderr).toMatch(/\+\[fleets\.work\]\n[^]*\[DA_NO_TERMINAL\] Next: .*--yes/);
  const dry = await setup(...all, '--dry-run');
  expect([unsure.code, dry.code, text()]).toEqual([3, 0, rest]);
  const done = await setup(...all, '--yes', '--fleet', 'prod');
  expect([done.code, text()]).toEqual([
    0,
    `${rest}\n[fleets.prod]\nprofile = "work"\nregion = "eu-west-1"\nroute = "auto"\n`,
  ]);
  expect((await setup(...all, '--yes', '--fleet', 'prod')).stdout).toContain('(unchanged)');
});

it.runIf(hasTerminal)('asks for the MFA device that a key is without', async () => {
  const device = aws.mfaDevice.serialNumber;
  const before = readFileSync(credentials(), 'utf8');
  const asked = ['setup', '--profile', 'alice', '--region', 'us-east-1', '--route', 'direct'];
  const answers = [{ after: `❯ ${device}`, text: '\r' }];
  const dry = await onTerminal([...asked, '--dry-run'], answers, { env, folder: home });
  expect(dry.stdout).toContain(`[alice-long-term] would name the MFA device ${device}`);
  expect(readFileSync(credentials(), 'utf8')).toBe(before);
  const security = await setup(...asked.slice(1), '--mfa-device', 'arn:aws:iam::1:u2f/user/x/y');
  expect(security).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('cannot be used') as string,
  });
  const done = await setup(...asked.slice(1), '--mfa-device', device, '--yes', '--json');
  expect(JSON.parse(done.stdout)).toMatchObject({
    mfaDevice: { section: 'alice-long-term', device },
  });
  expect(readFileSync(credentials(), 'utf8')).toBe(`${before}aws_mfa_device = ${device}\n`);
  const again = await setup(...asked.slice(1), '--mfa-device', device, '--yes');
  expect(again.stderr).toContain('alice has an MFA device, or no long-term key: not changed');
});

it('says what is to be given where nobody can be asked, and refuses what is wrong', async () => {
  const before = existsSync(config()) ? text() : '';
  const cases: [string[], number, RegExp][] = [
    [[], 3, /\[DA_NO_TERMINAL\] Next: run devaccess setup --profile P --region R/],
    [['--region', 'europe'], 2, /'europe' is not an AWS region/],
    [
      ['--profile', 'p', '--region', 'eu-west-1', '--route', 'auto', '--bastion', 'b'],
      2,
      /--bastion: "b" is not/,
    ],
  ];
  for (const [args, code, message] of cases) {
    expect(await setup(...args)).toMatchObject({
      code,
      stderr: expect.stringMatching(message) as string,
    });
  }
  expect(text()).toBe(before);
});

it('offers to change entries that run the AWS CLI, and keeps the file as it was', async () => {
  const ssh = join(home, '.ssh');
  mkdirSync(ssh, { mode: 0o700 });
  // Not UTF-8, which ssh does not mind.
  const handMade =
    '# caf\xe9\nHost i-*\n  ProxyCommand sh -c "aws ssm start-session --target %h --document-name ' +
    `AWS-StartSSHSession --parameters 'portNumber=%p'"\n  User ec2-user\n`;
  writeFileSync(join(ssh, 'config'), handMade, 'latin1');
  const all = ['--profile', 'p', '--region', 'eu-west-1', '--route', 'auto', '--bastion', 'auto'];
  const told = await setup(...all, '--yes');
  expect(told.stderr).toContain('the AWS files have no profile p\n');
  expect(told.stderr).toContain(
    'has entries that run the AWS CLI (i-*): devaccess setup --migrate',
  );
  expect(readFileSync(join(ssh, 'config'), 'latin1')).toBe(handMade);
  const done = await setup(...all, '--yes', '--migrate');
  expect(done.code).toBe(0);
  const backup = /as it was: (.*)/.exec(done.stdout)![1]!;
  expect(readFileSync(backup, 'latin1')).toBe(handMade);
  const text = readFileSync(join(ssh, 'config'), 'latin1');
  expect(text).toMatch(
    /^# caf\xe9\nHost i-\*\n {2}ProxyCommand ".*" ".*devaccess-proxy\.js" --target %h --port %p\n/,
  );
  expect((await setup(...all, '--yes', '--migrate')).stdout).not.toContain('as it was');
});
