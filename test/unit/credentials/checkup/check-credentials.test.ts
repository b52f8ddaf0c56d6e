import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkCredentials } from '../../../../src/credentials/checkup/check-credentials.ts';
import { listedDeviceFindings } from '../../../../src/credentials/checkup/mfa-findings.ts';
import { makeEnvironmentSafe } from '../../../../src/credentials/checkup/safe-environment.ts';
import type { Finding } from '../../../../src/platform/finding.ts';

const NOW = Date.UTC(2026, 0, 1);
const DEVICE = 'arn:aws:iam::123456789012:mfa/alice';
const ROLE = 'arn:aws:iam::123456789012:role/admin';
const key = (id = 'AKIAEXAMPLEEXAMPLE00'): string =>
  `aws_access_key_id = ${id}\naws_secret_access_key = SECRET-${id}\n`;
const session = (expiration = '2026-01-01 11:59:30'): string =>
  `${key('ASIAEXAMPLEEXAMPLE77')}aws_session_token = TOKEN\naws_security_token = TOKEN\n` +
  `expiration = ${expiration}\nassumed_role = False\n`;
const longTerm = `[default-long-term]\n${key()}aws_mfa_device = ${DEVICE}\n`;
const morning = `${longTerm}[default]\n${session()}`;

let home: string;
let env: Record<string, string | undefined>;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-checkup-'));
  env = { HOME: home, AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-1' };
  mkdirSync(join(home, '.aws'));
});
afterEach(() => rmSync(home, { recursive: true }));

function write(credentials: string, config = '[default]\nregion = us-east-1\n'): void {
  writeFileSync(join(home, '.aws', 'credentials'), credentials, { mode: 0o600 });
  writeFileSync(join(home, '.aws', 'config'), config);
}

const check = (profile?: string, region?: string) =>
  checkCredentials({ profile, region }, env, NOW);

async function found(profile?: string): Promise<Finding[]> {
  const { findings } = await check(profile);
  const all = [...findings.files, ...findings.credentials, ...findings.mfa];
  expect(JSON.stringify(all)).not.toMatch(/SECRET|TOKEN/);
  return all.filter(({ severity }) => severity !== 'ok');
}
const ids = async (profile?: string): Promise<string[]> =>
  (await found(profile)).map(({ id }) => id);

describe('a morning', () => {
  it('that is as it should be', async () => {
    write(morning);
    const { findings, tools, region, question } = await check();
    expect(
      [...findings.files, ...findings.credentials, ...findings.mfa].map(({ what }) => what),
    ).toEqual([
      `${home}/.aws/credentials is there and can be read`,
      `${home}/.aws/config is there and can be read`,
      'All AWS tools use the same: session …LE77 of [default]',
      'The session of profile default lasts 11 h 59 min more, until 2026-01-01 11:59:30 UTC',
      `MFA device of [default-long-term]: ${DEVICE}`,
    ]);
    expect(
      tools.map(({ profile, kind, accessKeyIdSuffix }) => [profile, kind, accessKeyIdSuffix]),
    ).toEqual(Array(4).fill(['default', 'keys', 'LE77']));
    expect({ region, isUsable: question.isUsable }).toEqual({
      region: 'us-east-1',
      isUsable: true,
    });
  });

  it.each([
    ['session-missing', longTerm, { command: 'devaccess mfa' }],
    [
      'session-expired',
      `${longTerm}[default]\n${session('2026-01-01 00:00:00')}`,
      { command: 'devaccess mfa' },
    ],
    [
      'session-short',
      `${longTerm}[default]\n${session('2026-01-01 00:14:59')}`,
      { command: 'devaccess mfa' },
    ],
    [
      'session-expired',
      `[default]\n${session('2026-01-01 00:00:00')}`,
      { edit: 'get new keys for [default] from where these came from' },
    ],
    [
      'long-term-key-in-use',
      `[default]\n${key()}aws_mfa_device = ${DEVICE}\n${longTerm}`,
      { command: 'devaccess mfa' },
    ],
    ['long-term-key-in-use', `[default]\n${key()}`, null],
    ['machine-credentials', '', { command: 'devaccess mfa --setup' }],
  ])('without a session that lasts: %s', async (id, credentials, fix) => {
    write(credentials);
    expect(await found()).toEqual([expect.objectContaining({ id, fix })]);
  });

  it('of a role that needs the session of its source', async () => {
    const role = `[profile admin]\nrole_arn = ${ROLE}\nsource_profile = default-long-term\nmfa_serial = ${DEVICE}\n`;
    write(longTerm, role);
    expect(await ids('admin')).toEqual(['session-missing']);
    write(morning, role);
    expect(await ids('admin')).toEqual([]);
  });

  it('with a sign-in instead of a code', async () => {
    write(
      '',
      '[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n[sso-session corp]\nsso_start_url = https://x.example\nsso_region = us-east-1\n',
    );
    expect(await found('work')).toEqual([
      expect.objectContaining({
        id: 'session-missing',
        fix: { command: 'aws sso login --profile work' },
      }),
    ]);
  });
});

describe('the MFA device', () => {
  it.each([
    ['mfa-no-device', `[default-long-term]\n${key()}`, 'us-east-1'],
    ['mfa-device-unusable', longTerm.replace(':mfa/', ':u2f/user/'), 'us-east-1'],
    ['mfa-setting', longTerm.replace(DEVICE, 'short'), 'us-east-1'],
    ['mfa-device-partition', longTerm, 'cn-north-1'],
  ])('%s', async (id, section, region) => {
    write(`${section}[default]\n${session()}`);
    Object.assign(env, { AWS_REGION: region, AWS_DEFAULT_REGION: region });
    expect(await ids()).toEqual([id]);
  });

  it('is compared with those that IAM lists', () => {
    const setup = {
      names: { longTerm: 'l', shortTerm: 's' },
      key: { accessKeyId: '', secretAccessKey: '' },
      device: DEVICE,
    };
    const told = (listed: string[], of: typeof setup | undefined = setup) =>
      listedDeviceFindings(of, listed).map(({ id, fix }) => [id, fix]);
    expect(told([DEVICE])).toEqual([['mfa-device-listed', null]]);
    expect(told([`${DEVICE}-phone`])).toEqual([
      ['mfa-device-unlisted', { edit: `set aws_mfa_device = ${DEVICE}-phone in [l]` }],
    ]);
    expect(told(['arn:aws:iam::1:u2f/user/alice/key'])).toEqual([
      ['mfa-device-unlisted', { edit: 'register a virtual MFA device (authenticator app)' }],
      ['mfa-passkeys', null],
    ]);
    expect(listedDeviceFindings(undefined, [DEVICE])).toEqual([]);
  });
});

describe('profile and region', () => {
  it('must be there', async () => {
    write(morning);
    expect(await found('defalt')).toEqual([
      {
        id: 'no-profile',
        severity: 'problem',
        what: 'There is no profile defalt; there are default, default-long-term',
        fix: { edit: 'did you mean default?' },
      },
    ]);
    env = { HOME: home };
    write(morning, '');
    expect(await ids()).toEqual(['no-region']);
    env.AWS_REGION = env.AWS_DEFAULT_REGION = 'Frankfurt';
    expect(await ids()).toEqual(['region-malformed']);
    await expect(check(undefined, 'Frankfurt')).rejects.toMatchObject({ code: 'DA_USAGE' });
  });

  it('are said where tools take them from elsewhere', async () => {
    write(`${morning}[p]\n${session()}`);
    Object.assign(env, {
      AWS_PROFILE: 'p',
      AWS_DEFAULT_PROFILE: 'default',
      AWS_DEFAULT_REGION: 'eu-west-1',
    });
    expect(await ids()).toEqual(['profile-variables-differ', 'tools-disagree-region']);
    Object.assign(env, {
      AWS_PROFILE: undefined,
      AWS_DEFAULT_PROFILE: 'p',
      AWS_DEFAULT_REGION: 'us-east-1',
    });
    expect(await ids()).toEqual(['profile-variable-old']);
    Object.assign(env, { AWS_PROFILE: '', AWS_DEFAULT_PROFILE: undefined });
    const [empty, disagree] = await found();
    expect(empty).toMatchObject({
      id: 'profile-variable-empty',
      fix: { command: 'unset AWS_PROFILE' },
    });
    expect(disagree?.id).toBe('tools-disagree');
  });
});

describe('tools that disagree', () => {
  it.each([
    [
      'legacy-token',
      morning.replace('aws_security_token = TOKEN', 'aws_security_token = OLD'),
      ', another token',
    ],
    [
      'ini-inline-comment',
      morning.replace('SECRET-ASIAEXAMPLEEXAMPLE77', 'SECRET # x'),
      ', another secret',
    ],
    [
      'ini-uppercase-key',
      morning.replace(/^aws_session_token/m, 'AWS_SESSION_TOKEN'),
      'key …LE77 of',
    ],
    [
      'ini-colon',
      morning.replaceAll(/\[default\]\naws_access_key_id =/g, '[default]\naws_access_key_id:'),
      'none, unless',
    ],
    [
      'ini-duplicate-section',
      `${morning}[x]\na=1\n[x]\na=2\n`,
      'none: it refuses a whole file for line 14',
    ],
  ])('do so because of %s', async (id, credentials, said) => {
    write(credentials);
    const disagree = (await found()).find((each) => each.id === 'tools-disagree');
    expect(disagree?.what).toContain(said);
    expect(disagree?.fix).toEqual({ edit: expect.stringContaining(id) as string });
  });

  it('are not blamed on lines of other profiles', async () => {
    write(
      `[other]\nregion: x\n${morning.replace('aws_security_token = TOKEN', 'aws_security_token = OLD')}`,
    );
    const disagree = (await found()).find((each) => each.id === 'tools-disagree');
    expect(disagree?.fix).toEqual({
      edit: 'put right legacy-token, or give tools the credentials of devaccess: devaccess exec -- COMMAND',
    });
  });

  it('over IAM Identity Center beside keys, and roles without a source', async () => {
    const sso =
      'sso_start_url = https://x.example\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = Dev\n';
    write(morning, `[default]\n${sso}`);
    expect(await ids()).toEqual(['keys-and-identity-center', 'tools-disagree']);
    write(morning, `[default]\nrole_arn = ${ROLE}\n`);
    expect(await ids()).toEqual(['role-no-source', 'tools-disagree']);
  });
});

describe('what a profile says', () => {
  it.each([
    ['cat ~/keys.json', true],
    ['/opt/keys $USER', true],
    ['/opt/keys "$USER"', true],
    ['/opt/keys | jq .', true],
    ["sh -c 'cat ~/keys.json | jq .'", false],
    ['"/opt/my keys" --profile "a b"', false],
  ])('runs %s: needs a shell %s', async (command, isToldOf) => {
    write('', `[profile p]\ncredential_process = ${command}\n`);
    expect((await ids('p')).includes('process-needs-shell')).toBe(isToldOf);
  });

  it('may be of a services section that is not there', async () => {
    write(`[p]\n${session()}`, '[profile p]\nservices = here\n');
    expect(await ids('p')).toEqual(['services-missing']);
    write(
      `[p]\n${session()}`,
      '[profile p]\nservices = here\n[services here]\nssm =\n  endpoint_url = https://x\n',
    );
    expect(await ids('p')).toEqual([]);
  });

  it('is told of others in a few lines', async () => {
    const others = Array.from({ length: 9 }, (_, at) => `[o ${at}]\n${session()}`).join('');
    write(morning + others);
    expect(await ids()).toEqual([...Array<string>(5).fill('profile-name'), 'profile-more']);
  });
});

describe('files that are not as they should be', () => {
  const file = (name = 'credentials'): string => join(home, '.aws', name);

  it('can be missing, folders, pipes, links to nowhere, or not text', async () => {
    expect(await ids()).toEqual(['file-missing', 'file-missing', 'machine-credentials']);
    write(morning);
    env.AWS_CONFIG_FILE = home;
    expect(makeEnvironmentSafe(env)).toMatchObject([{ id: 'file-not-regular' }]);
    expect(env.AWS_CONFIG_FILE).toBe('/dev/null');
    expect(await ids()).toEqual([]);
    rmSync(file());
    symlinkSync('/nonexistent/credentials', file());
    expect(await found()).toMatchObject([
      {
        id: 'file-unreadable',
        what: `${file()} is a link to /nonexistent/credentials, which does not exist`,
      },
    ]);
    rmSync(file());
    writeFileSync(file(), Buffer.from([0x5b, 0xff, 0xfe]), { mode: 0o600 });
    expect(await ids()).toEqual(['file-encoding', 'tools-disagree']);
  });

  it('can belong to everybody, and lie where everybody writes', async () => {
    write(morning);
    chmodSync(file(), 0o664);
    chmodSync(join(home, '.aws'), 0o777);
    expect(await found()).toMatchObject([
      { id: 'folder-open', fix: { command: `chmod go-w '${home}/.aws'` } },
      { id: 'folder-open' },
      { id: 'file-mode', fix: { command: `chmod 600 '${file()}'` } },
    ]);
  });

  it('can be links that devaccess would not write through', async () => {
    write(morning);
    const open = join(home, 'open');
    mkdirSync(open);
    writeFileSync(join(open, 'credentials'), morning, { mode: 0o600 });
    chmodSync(open, 0o777);
    rmSync(file());
    symlinkSync(join(open, 'credentials'), file());
    expect(await ids()).toEqual(['file-link', 'file-not-ours']);
  });

  it('are looked for in a home that may not be there', () => {
    env = { HOME: '/nonexistent/home' };
    expect(makeEnvironmentSafe(env)).toMatchObject([{ id: 'no-home', severity: 'problem' }]);
  });
});
