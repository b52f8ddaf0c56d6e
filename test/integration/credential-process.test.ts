import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AccountHolder, role } from './support/account-holder.ts';

let alice: AccountHolder;
beforeEach(async () => {
  alice = await AccountHolder.arrive();
  alice.writeConfig(
    `[default]\nregion = us-east-1\n\n` +
      `[profile admin]\nrole_arn = ${role('admin')}\nsource_profile = default\nregion = eu-west-1\n`,
  );
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await alice.leave();
});

const ask = (args: string[], extra: Record<string, string> = {}) =>
  alice.run(['credential-process', ...args], extra);
const configFile = (): string => join(alice.home, '.aws', 'config');

describe('devaccess credential-process', () => {
  it('answers as SDKs expect: a session in the files', async () => {
    await alice.signIn();
    const { code, stdout, stderr } = await ask([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const file = alice.credentials();
    const inFile = (key: string): string | undefined =>
      new RegExp(`\\[default\\][^[]*\\n${key} = (.*)`).exec(file)?.[1];
    expect(JSON.parse(stdout)).toEqual({
      Version: 1,
      AccessKeyId: inFile('aws_access_key_id'),
      SecretAccessKey: inFile('aws_secret_access_key'),
      SessionToken: inFile('aws_session_token'),
      Expiration: `${inFile('expiration')?.replace(' ', 'T') ?? ''}Z`,
    });
  });

  it('gives a long-term key without an end, and a role with its account', async () => {
    const longTerm = JSON.parse((await ask(['--profile', 'default-long-term'])).stdout) as object;
    expect(Object.keys(longTerm)).toEqual(['Version', 'AccessKeyId', 'SecretAccessKey']);
    await alice.signIn();
    expect(JSON.parse((await ask(['--profile', 'admin'])).stdout)).toMatchObject({
      AccountId: '123456789012',
      Expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
    });
  });

  it('never hands out the keys of the environment it runs in', async () => {
    await alice.signIn();
    const ambient = { AWS_ACCESS_KEY_ID: 'AKIAOTHER', AWS_SECRET_ACCESS_KEY: 'other' };
    expect((await ask([], ambient)).stdout).not.toContain('AKIAOTHER');
  });

  it('fails at once without a terminal, with nothing on stdout and no secret', async () => {
    const run = await ask([]);
    expect(run).toMatchObject({ code: 3, stdout: '' });
    expect(run.stderr).toContain('Next: run devaccess mfa\n');
    expect(run.stderr).not.toContain(alice.sandbox.accessKey.secretAccessKey);
  });

  it('does not start itself without end', async () => {
    const printed = await ask(['--profile', 'admin', '--print-config', '--as', 'loop']);
    appendFileSync(configFile(), printed.stdout.replace('--profile admin', '--profile loop'));
    const run = await ask(['--profile', 'loop']);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain('[DA_CREDENTIAL_PROCESS]');
  });

  it('writes a profile that the SDK for JavaScript runs', async () => {
    await alice.signIn();
    const { code, stdout } = await ask(['--profile', 'admin', '--print-config']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^\[profile admin-process\]\ncredential_process = "\/[^"]+" "\/[^"]+\/bin\/devaccess\.js" credential-process --profile admin\nregion = eu-west-1\n$/,
    );
    appendFileSync(configFile(), `\n${stdout}`);
    for (const [name, value] of Object.entries(alice.env())) vi.stubEnv(name, value);
    const provider = defaultProvider({
      profile: 'admin-process',
      filepath: alice.credentialsFile,
      configFilepath: configFile(),
    });
    const credentials = await provider();
    const direct = JSON.parse((await ask(['--profile', 'admin'])).stdout) as {
      AccessKeyId: string;
    };
    expect(credentials.accessKeyId).toBe(direct.AccessKeyId);
    expect(credentials.expiration?.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
    expect(alice.calls.filter((call) => call === 'AssumeRole')).toHaveLength(1);
  });

  it.each([
    [['--profile', 'none'], 1, 'DA_NO_PROFILE'],
    [['--profile', 'admin', '--as', 'default'], 2, 'DA_PROFILE_EXISTS'],
    [['--profile', 'admin', '--as', 'admin'], 2, 'DA_USAGE'],
    [['--profile', 'admin', '--as', 'a b'], 2, 'DA_USAGE'],
    [['--profile', 'admin', '--as', '$(id)'], 2, 'DA_USAGE'],
  ])('writes no profile for %j', async (args, code, stable) => {
    const run = await ask([...args, '--print-config']);
    expect(run).toMatchObject({ code, stdout: '' });
    expect(run.stderr).toContain(`[${stable}]`);
  });

  it('takes --as for --print-config alone', async () => {
    expect(await ask(['--as', 'x'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('answers from what is kept while the service is away, and forgets nothing whole', async () => {
    await alice.signIn();
    const first = await ask(['--profile', 'admin']);
    const away = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' };
    expect((await ask(['--profile', 'admin'], away)).stdout).toBe(first.stdout);
    // A file that was cut short counts for nothing.
    const folder = join(alice.home, '.local/state/devaccess/credentials');
    const [name] = readdirSync(folder);
    const file = join(folder, name!);
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 50));
    expect((await ask(['--profile', 'admin'], away)).stderr).toContain('[DA_ENDPOINT_UNREACHABLE]');
    const second = await ask(['--profile', 'admin']);
    expect(second.code).toBe(0);
    expect(second.stdout).not.toBe(first.stdout);
  });
});
