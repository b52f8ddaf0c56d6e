import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccountHolder, role } from './support/account-holder.ts';
import { collect, firstOutput } from './support/person.ts';
import { hasTerminal, onTerminal } from './support/terminal.ts';

const BIN = fileURLToPath(new URL('../../bin/devaccess.js', import.meta.url));

let alice: AccountHolder;
beforeEach(async () => {
  alice = await AccountHolder.arrive();
});
afterEach(() => alice.leave());

/** What `env` shows when it is run by devaccess. */
async function seen(
  args: string[],
  extra: Record<string, string> = {},
): Promise<Map<string, string>> {
  const { code, stdout, stderr } = await alice.run(['exec', ...args, '--', 'env'], extra);
  if (code !== 0) throw new Error(stderr);
  return new Map(
    stdout.split('\n').map((line) => [line.split('=')[0]!, line.replace(/^.*?=/, '')]),
  );
}

const stored = (key: string): string =>
  new RegExp(`\\[default\\][^[]*\\n${key} = (.*)`).exec(alice.credentials())?.[1] ?? '';

const AMBIENT = {
  AWS_ACCESS_KEY_ID: 'AKIAOTHER',
  AWS_SECRET_ACCESS_KEY: 'other',
  AWS_SESSION_TOKEN: 'other',
  AWS_SECURITY_TOKEN: 'other',
  AWS_PROFILE: 'default',
  AWS_DEFAULT_PROFILE: 'other',
  AWS_CREDENTIAL_EXPIRATION: 'other',
  AWS_ROLE_ARN: 'other',
  AWS_WEB_IDENTITY_TOKEN_FILE: '/nowhere',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1/',
};

describe('devaccess exec', () => {
  it('gives the command these credentials and no others', async () => {
    await alice.signIn();
    const env = await seen([], { ...AMBIENT, KEPT: 'as it was' });
    expect(env.get('AWS_ACCESS_KEY_ID')).toBe(stored('aws_access_key_id'));
    expect(env.get('AWS_SECRET_ACCESS_KEY')).toBe(stored('aws_secret_access_key'));
    expect(env.get('AWS_SESSION_TOKEN')).toBe(stored('aws_session_token'));
    expect(env.get('AWS_CREDENTIAL_EXPIRATION')).toBe(`${stored('expiration').replace(' ', 'T')}Z`);
    expect(env.get('AWS_REGION')).toBe('us-east-1');
    expect(env.get('AWS_DEFAULT_REGION')).toBe('us-east-1');
    expect(env.get('KEPT')).toBe('as it was');
    const given = [
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
      'AWS_CREDENTIAL_EXPIRATION',
    ];
    for (const name of Object.keys(AMBIENT).filter((each) => !given.includes(each))) {
      expect(env.has(name)).toBe(false);
    }
  });

  it("takes the environment's own keys where no profile is named, as all AWS tools do", async () => {
    const env = await seen([], { AWS_ACCESS_KEY_ID: 'AKIAOTHER', AWS_SECRET_ACCESS_KEY: 's' });
    expect(env.get('AWS_ACCESS_KEY_ID')).toBe('AKIAOTHER');
    expect(env.has('AWS_SESSION_TOKEN')).toBe(false);
  });

  it('takes along the region and the endpoints of the profile', async () => {
    alice.writeCredentials(alice.longTermSection('work'));
    alice.writeConfig(
      '[profile work]\nregion = eu-west-1\nendpoint_url = https://one.example\nservices = mine\n' +
        '[services mine]\nsts =\n  endpoint_url = https://two.example\n',
    );
    const env = await seen(['--profile', 'work'], { AWS_ENDPOINT_URL: '' });
    expect(env.get('AWS_REGION')).toBe('eu-west-1');
    expect(env.get('AWS_ENDPOINT_URL')).toBe('https://one.example');
    expect(env.get('AWS_ENDPOINT_URL_STS')).toBe('https://two.example');
    expect((await seen(['--profile', 'work', '--region', 'eu-west-2'])).get('AWS_REGION')).toBe(
      'eu-west-2',
    );
    const ruled = await seen(['--profile', 'work']);
    expect(ruled.get('AWS_ENDPOINT_URL')).toBe(alice.sandbox.endpoint);
    expect(ruled.has('AWS_ENDPOINT_URL_STS')).toBe(false);
  });

  it.each([
    [['sh', '-c', 'exit 42'], 42],
    [['sh', '-c', 'kill -SEGV $$'], 139],
    [['no-such-program'], 127],
    [['/etc/passwd'], 126],
  ])('ends as %j ends', async (command, code) => {
    await alice.signIn();
    const run = await alice.run(['exec', '--', ...command]);
    expect(run.code).toBe(code);
    if (code === 127) expect(run.stderr).toContain('Cannot run no-such-program: no such program');
  });

  it('passes arguments on as they are, and is a part of a pipe', async () => {
    await alice.signIn();
    const words = ['--help', '--profile', 'x y', '', '$HOME', '--', '--json'];
    const script = 'cat; for a do echo "<$a>"; done';
    const child = spawn(process.execPath, [BIN, 'exec', '--', 'sh', '-c', script, 'sh', ...words], {
      env: { PATH: process.env.PATH, ...alice.env() },
      stdio: 'pipe',
      detached: true,
    });
    child.stdin.end('through\n');
    const { code, stdout } = await collect(child);
    expect(stdout.toString()).toBe(`through\n${words.map((word) => `<${word}>\n`).join('')}`);
    expect(code).toBe(0);
  });

  it.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)(
    'passes %s on, and dies of it alike',
    async (signal) => {
      await alice.signIn();
      const script = `trap 'echo got it; trap - ${signal.slice(3)}; kill -${signal.slice(3)} $$' ${signal.slice(3)}; echo ready; while :; do sleep 0.1; done`;
      const child = spawn(process.execPath, [BIN, 'exec', '--', 'sh', '-c', script], {
        env: { PATH: process.env.PATH, ...alice.env() },
        stdio: 'pipe',
        detached: true,
      });
      const ended = once(child, 'exit');
      expect(await firstOutput(child)).toBe('ready\n');
      child.kill(signal);
      expect(await firstOutput(child)).toBe('got it\n');
      expect(await ended).toEqual([null, signal]);
    },
  );

  it('explains itself where there is no command, no profile and no session', async () => {
    expect(await alice.run(['exec'])).toMatchObject({ code: 2 });
    expect((await alice.run(['exec', '--profile', 'none', '--', 'true'])).stderr).toContain(
      'There is no AWS profile none [DA_NO_PROFILE]',
    );
    const run = await alice.run(['exec', '--', 'true']);
    expect(run.code).toBe(3);
    expect(run.stderr).toBe(
      'devaccess: Profile default has no session yet [DA_NO_CREDENTIALS] Next: run devaccess mfa\n',
    );
  });

  it.runIf(hasTerminal)('asks for a code on the terminal when the session is over', async () => {
    alice.writeConfig(`[profile admin]\nrole_arn = ${role('admin')}\nsource_profile = default\n`);
    const { code, screen, stdout } = await onTerminal(
      ['exec', '--profile', 'admin', '--', 'printenv', 'AWS_ACCESS_KEY_ID'],
      [{ after: 'mfa/alice:', text: `${alice.nextCode()}\r` }],
      { env: alice.env(), folder: alice.home },
    );
    expect(code).toBe(0);
    expect(screen).toContain('MFA code of arn:aws:iam::123456789012:mfa/alice');
    expect(stdout).toMatch(/^ASIA\w+\n$/);
  });
});

describe('devaccess env', () => {
  it('prints what a shell of the person reads', async () => {
    await alice.signIn();
    const run = await alice.run(['env'], { SHELL: '/bin/zsh', AWS_PROFILE: 'default' });
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain('unset AWS_PROFILE\n');
    expect(run.stdout).toContain(`export AWS_ACCESS_KEY_ID='${stored('aws_access_key_id')}'\n`);
    const fish = await alice.run(['env', '--shell', 'fish']);
    expect(fish.stdout).toContain(`set -gx AWS_REGION 'us-east-1'\n`);
  });

  it('prints nothing where it fails', async () => {
    const run = await alice.run(['env']);
    expect(run).toMatchObject({ code: 3, stdout: '' });
  });
});
