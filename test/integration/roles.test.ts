import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProcessAnswer } from '../../src/aws/process-answer.ts';
import { AccountHolder, role } from './support/account-holder.ts';

const DEVICE = 'arn:aws:iam::123456789012:mfa/alice';
const CONFIG = `[default]
region = us-east-1

[profile admin]
role_arn = ${role('admin')}
source_profile = default
mfa_serial = ${DEVICE}

[profile by-key]
role_arn = ${role('admin')}
source_profile = default-long-term
mfa_serial = ${DEVICE}
role_session_name = by-key

[profile long]
role_arn = ${role('admin')}
source_profile = default
duration_seconds = 43200

[profile reader]
role_arn = ${role('reader')}
source_profile = admin

[profile partner]
role_arn = ${role('partner')}
source_profile = default-long-term
external_id = devaccess-example
duration_seconds = 7200
`;

let alice: AccountHolder;
beforeEach(async () => {
  alice = await AccountHolder.arrive();
  alice.writeConfig(CONFIG);
});
afterEach(() => alice.leave());

async function credentialsOf(profile: string): Promise<ProcessAnswer> {
  const { code, stdout, stderr } = await alice.run(['credential-process', '--profile', profile]);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ProcessAnswer;
}

/** The ARN AWS knows the credentials of a profile by. */
async function identityOf(profile: string): Promise<string> {
  const answer = await credentialsOf(profile);
  const sts = new STSClient({
    endpoint: alice.sandbox.endpoint,
    region: 'us-east-1',
    credentials: {
      accessKeyId: answer.AccessKeyId,
      secretAccessKey: answer.SecretAccessKey,
      ...(answer.SessionToken === undefined ? {} : { sessionToken: answer.SessionToken }),
    },
  });
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  return Arn ?? '';
}

const session = (name: string, sessionName = 'alice'): string =>
  `arn:aws:sts::123456789012:assumed-role/devaccess-${name}/${sessionName}`;

const secondsLeft = ({ Expiration = '' }: ProcessAnswer): number =>
  (Date.parse(Expiration) - Date.now()) / 1000;

describe('roles of profiles', () => {
  it('are several from one code, whatever the profile takes for its source', async () => {
    await alice.signIn();
    expect(await identityOf('admin')).toBe(session('admin'));
    expect(await identityOf('by-key')).toBe(session('admin', 'by-key'));
    expect(await identityOf('reader')).toBe(session('reader'));
    expect(alice.calls.filter((call) => call === 'GetSessionToken')).toHaveLength(1);
  });

  it('are asked for once, and kept where nobody else reads them', async () => {
    await alice.signIn();
    const first = await credentialsOf('admin');
    expect(await credentialsOf('admin')).toEqual(first);
    expect(alice.calls.filter((call) => call === 'AssumeRole')).toHaveLength(1);
    const folder = join(alice.home, '.local/state/devaccess/credentials');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const files = readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777);
    expect(files).toEqual([0o600]);
    // Kept for this session alone: another may be of another user.
    await alice.signIn(['--force']);
    expect(await credentialsOf('admin')).not.toEqual(first);
  });

  it('are not taken from a folder that others can write to', async () => {
    await alice.signIn();
    const first = await credentialsOf('admin');
    chmodSync(join(alice.home, '.local/state/devaccess/credentials'), 0o770);
    expect(await credentialsOf('admin')).not.toEqual(first);
  });

  it('are asked for once by many at the same time', async () => {
    await alice.signIn();
    const answers = await Promise.all(Array.from({ length: 6 }, () => credentialsOf('admin')));
    expect(new Set(answers.map(({ AccessKeyId }) => AccessKeyId)).size).toBe(1);
    expect(alice.calls.filter((call) => call === 'AssumeRole')).toHaveLength(1);
  });

  it('last an hour from a session, and the person is told so', async () => {
    await alice.signIn();
    const run = await alice.run(['credential-process', '--profile', 'long']);
    expect(run.stderr).toContain(`${role('admin')} is assumed for 1 hour, not 43200 s: AWS gives`);
    const left = secondsLeft(JSON.parse(run.stdout) as ProcessAnswer);
    expect(left).toBeGreaterThan(3500);
    expect(left).toBeLessThanOrEqual(3630);
  });

  it('last as long as asked from a long-term key, with the external id of the profile', async () => {
    expect(await identityOf('partner')).toBe(session('partner'));
    expect(secondsLeft(await credentialsOf('partner'))).toBeGreaterThan(7000);
    alice.writeConfig(CONFIG.replace('external_id = devaccess-example', 'external_id = other'));
    const denied = await alice.run(['credential-process', '--profile', 'partner']);
    expect(denied).toMatchObject({ code: 1, stdout: '' });
    expect(denied.stderr).toContain(
      `Profile partner may not assume ${role('partner')} [DA_ROLE_DENIED]`,
    );
  });

  it.each([
    ['admin', 'Profile default, which profile admin starts from, has no credentials'],
    ['by-key', 'Profile by-key needs an MFA session, and there is none'],
  ])('say which command brings the session %s needs', async (profile, message) => {
    const run = await alice.run(['credential-process', '--profile', profile]);
    expect(run).toMatchObject({ code: 3, stdout: '' });
    expect(run.stderr).toContain(
      `devaccess: ${message} [DA_NO_CREDENTIALS] Next: run devaccess mfa --profile ${profile}`,
    );
    const renewed = await alice.signIn(['--profile', profile]);
    expect(renewed.stderr).toBe(`${profile} is assumed with the session of default\n`);
    expect(await identityOf(profile)).toContain(':assumed-role/devaccess-admin/');
  });

  it('need a new session when theirs is over, but for what was kept', async () => {
    await alice.signIn();
    await credentialsOf('admin');
    const over = alice.credentials().replace(/expiration = .*/, 'expiration = 2026-01-01 00:00:00');
    alice.writeCredentials(over);
    const byKey = await alice.run(['credential-process', '--profile', 'by-key']);
    expect(byKey.code).toBe(3);
    expect(byKey.stderr).toContain('needs an MFA session, and it has expired');
    expect(await identityOf('admin')).toBe(session('admin'));
  });

  it('work from a layout made for the AWS CLI, with the key in [default]', async () => {
    alice.writeCredentials(alice.longTermSection('default').replace(/aws_mfa_device.*\n/, ''));
    const { stdout } = await alice.signIn(['--profile', 'admin']);
    expect(stdout).toMatch(/^default-mfa has a new session/);
    expect(await identityOf('admin')).toBe(session('admin'));
    // The key is what `default` still is.
    expect(await identityOf('default')).toBe('arn:aws:iam::123456789012:user/alice');
  });

  it('are found by what aws-mfa left, too', async () => {
    await alice.signIn();
    alice.writeCredentials(alice.credentials().replace(/devaccess_source.*\n/, ''));
    expect(await identityOf('by-key')).toBe(session('admin', 'by-key'));
  });

  it('end in an error where profiles name each other in a circle', async () => {
    alice.writeConfig(
      `[profile a]\nrole_arn = ${role('admin')}\nsource_profile = b\n` +
        `[profile b]\nrole_arn = ${role('reader')}\nsource_profile = a\n`,
    );
    const run = await alice.run(['credential-process', '--profile', 'a']);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain('[DA_PROFILE_LOOP]');
  });
});
