import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkLeft } from '../../../src/credentials/check-left.ts';
import { usedCredentials } from '../../../src/credentials/profile-end.ts';
import { promptText } from '../../../src/credentials/prompt-text.ts';
import { credentialsStatus } from '../../../src/credentials/status.ts';
import type { ProfileStatus } from '../../../src/credentials/status.ts';

const NOW = Date.UTC(2026, 0, 1);
const DEVICE = 'arn:aws:iam::123456789012:mfa/alice';
const ROLE = 'arn:aws:iam::210987654321:role/path/admin';
const KEY = 'aws_access_key_id = AKIAEXAMPLEEXAMPLE00\naws_secret_access_key = s\n';
const session = (expiration = '2026-01-01 11:59:30'): string =>
  `aws_access_key_id = ASIAEXAMPLEEXAMPLE77\naws_secret_access_key = s\naws_session_token = t\n` +
  `aws_security_token = t\nexpiration = ${expiration}\n`;

let home: string;
let env: Record<string, string>;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-status-'));
  env = { HOME: home };
  mkdirSync(join(home, '.aws'));
});
afterEach(() => rmSync(home, { recursive: true }));

function write(credentials: string, config = ''): void {
  writeFileSync(join(home, '.aws', 'credentials'), credentials, { mode: 0o600 });
  writeFileSync(join(home, '.aws', 'config'), config);
}

const status = (only?: string) => credentialsStatus(env, NOW, only);
function of(profile: string): ProfileStatus {
  const found = status().profiles.find((entry) => entry.profile === profile);
  if (found === undefined) throw new Error(`${profile} is not listed`);
  return found;
}
const prompt = (profile?: string): string => promptText(usedCredentials(profile, env), NOW);

describe('the state of profiles', () => {
  it('is that of a pair of aws-mfa sections', () => {
    write(`[default-long-term]\n${KEY}aws_mfa_device = ${DEVICE}\n[default]\n${session()}`);
    expect(of('default')).toEqual({
      profile: 'default',
      kind: 'session',
      term: 'short',
      source: 'MFA session',
      account: '123456789012',
      role: null,
      mfaDevice: DEVICE,
      accessKeyIdSuffix: 'LE77',
      keyPlace: 'plain',
      state: 'valid',
      expiration: '2026-01-01T11:59:30.000Z',
      secondsLeft: 43_170,
      warnings: [],
    });
    expect(of('default-long-term')).toMatchObject({ term: 'long', state: 'endless' });
    expect(status()).toMatchObject({ current: 'default', warnings: [] });
    expect(JSON.stringify(status())).not.toMatch(/secret|"s"|"t"/);
  });

  it('lists a profile that has a long-term key and no session yet', () => {
    write(`[work-long-term]\n${KEY}`);
    expect(status().profiles.map(({ profile }) => profile)).toEqual(['work', 'work-long-term']);
    expect(of('work')).toMatchObject({ source: 'no session yet', state: 'missing', term: null });
  });

  it('follows roles to where they start', () => {
    write(
      `[default]\n${session()}`,
      `[profile admin]\nrole_arn = ${ROLE}\nsource_profile = default\n` +
        `[profile reader]\nrole_arn = ${ROLE}\nsource_profile = admin\n` +
        `[profile here]\nrole_arn = ${ROLE}\ncredential_source = Ec2InstanceMetadata\n` +
        `[profile lost]\nrole_arn = ${ROLE}\nsource_profile = nowhere\n` +
        `[profile a]\nrole_arn = ${ROLE}\nsource_profile = b\n` +
        `[profile b]\nrole_arn = ${ROLE}\nsource_profile = a\n`,
    );
    expect(of('reader')).toMatchObject({
      kind: 'role',
      source: 'role admin from admin',
      account: '210987654321',
      role: ROLE,
      state: 'valid',
      secondsLeft: 43_170,
    });
    expect(of('here').state).toBe('unknown');
    expect(of('lost')).toMatchObject({
      state: 'missing',
      warnings: ['its source_profile nowhere does not exist'],
    });
    expect(of('a')).toMatchObject({
      state: 'missing',
      warnings: ['its source_profile leads in a circle'],
    });
  });

  it('knows how long a sign-in to IAM Identity Center lasts', () => {
    write(
      '',
      '[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n',
    );
    expect(of('work')).toMatchObject({
      source: 'Dev of IAM Identity Center corp',
      account: '123456789012',
      state: 'missing',
    });
    const cache = join(home, '.aws', 'sso', 'cache');
    const file = join(cache, `${createHash('sha1').update('corp').digest('hex')}.json`);
    mkdirSync(cache, { recursive: true });
    const token = { accessToken: 'x', expiresAt: '2026-01-01T01:00:00Z' };
    writeFileSync(file, JSON.stringify(token));
    expect(of('work')).toMatchObject({ state: 'valid', secondsLeft: 3600 });
    writeFileSync(file, JSON.stringify({ ...token, refreshToken: 'y' }));
    expect(of('work').state).toBe('unknown');
    writeFileSync(file, '{');
    expect(of('work').state).toBe('unknown');
  });

  it('refuses a profile that is nowhere', () => {
    write(`[default]\n${session()}`);
    expect(() => status('nope')).toThrow(
      expect.objectContaining({ code: 'DA_NO_PROFILE' }) as Error,
    );
    expect(status('default').profiles).toHaveLength(1);
  });
});

describe('warnings of a profile', () => {
  it.each([
    [
      'aws_security_token differs',
      session().replace('aws_security_token = t', 'aws_security_token = u'),
      '',
    ],
    ['nothing says when its session ends', session().replace(/expiration.*\n/, ''), ''],
    ['its static keys are used; credential_process', session(), 'credential_process = x\n'],
    ['it has aws_access_key_id and no aws_secret_access_key', 'aws_access_key_id = A\n', ''],
    ['its key is split over both files', 'aws_access_key_id = A\n', 'aws_secret_access_key = s\n'],
    ['its role_arn is not used: source_profile is missing', session(), `role_arn = ${ROLE}\n`],
    [
      'only one may be there',
      session(),
      `role_arn = ${ROLE}\nsource_profile = x\ncredential_source = Environment\n`,
    ],
  ])('%s', (warning, credentials, config) => {
    write(`[p]\n${credentials}`, `[profile p]\n${config}`);
    expect(of('p').warnings).toEqual([expect.stringContaining(warning)]);
  });

  it('tells of an hour that AWS gives and more that a profile asks for', () => {
    const role = `[profile p]\nrole_arn = ${ROLE}\nduration_seconds = 7200\n`;
    const warning = [expect.stringContaining('more than the hour')];
    write(`[default]\n${session()}[key]\n${KEY}`, `${role}source_profile = default\n`);
    expect(of('p').warnings).toEqual(warning);
    write(`[key]\n${KEY}`, `${role}source_profile = key\n`);
    expect(of('p').warnings).toEqual([]);
    write(`[key]\n${KEY}`, `${role}source_profile = key\nmfa_serial = ${DEVICE}\n`);
    expect(of('p').warnings).toEqual(warning);
  });

  it('tells of a session made with another key, and of a name some tools do not see', () => {
    write(
      `[p-long-term]\n${KEY}[p]\n${session()}devaccess_source = LE77 from LE01 with ${DEVICE}\n` +
        `[a b]\n${KEY}`,
    );
    expect(of('p').warnings).toEqual(['its session was made with another key than [p-long-term]']);
    expect(of('a b').warnings).toEqual([expect.stringContaining('JavaScript does not see')]);
  });
});

describe('warnings of files and environment', () => {
  it('name file and line', () => {
    write(
      `[default]\n${KEY}region: x\n[profile p]\n${KEY}`,
      '[default]\nregion = a\n[profile default]\nregion = b\n[p]\nregion = c\n',
    );
    const file = (name: string): string => join(home, '.aws', name);
    expect(status().warnings).toEqual([
      `${file('credentials')} line 4: key region uses ':', which some tools skip`,
      `${file('credentials')} line 5: names in this file have no 'profile ' before them`,
      `${file('config')} line 5: [p] is no profile; that would be [profile p]`,
      `${file('config')} has [default] and [profile default]: tools disagree which one counts`,
    ]);
  });

  it('tell of files with secrets that others can read', () => {
    write(`[default]\n${session()}`, '[default]\nregion = x\n');
    for (const name of ['credentials', 'config']) chmodSync(join(home, '.aws', name), 0o644);
    const credentials = join(home, '.aws', 'credentials');
    expect(status().warnings).toEqual([
      `${credentials} can be read or written by others (mode 0644): chmod 600 '${credentials}'`,
    ]);
    writeFileSync(join(home, '.aws', 'config'), `[profile x]\n${KEY}`);
    expect(status().warnings).toHaveLength(2);
  });

  it('tell of variables that tools read differently', () => {
    write('');
    env.AWS_ACCESS_KEY_ID = 'A';
    expect(status().warnings).toEqual([expect.stringContaining('where no profile is named')]);
    Object.assign(env, { AWS_PROFILE: 'p', AWS_DEFAULT_PROFILE: 'q', AWS_SECURITY_TOKEN: 't' });
    expect(status().warnings).toEqual([
      expect.stringContaining('AWS_PROFILE (p) is used'),
      expect.stringContaining('both set'),
      expect.stringContaining('AWS_SECURITY_TOKEN differs'),
    ]);
  });
});

describe('--check', () => {
  const needsPerson = (code: string, message: string) =>
    expect.objectContaining({ code, exitCode: 3, message }) as Error;

  it('is content with what lasts as long as asked', () => {
    write(`[default]\n${session()}[key]\n${KEY}`);
    expect(checkLeft(undefined, 43_170, env, NOW)).toEqual({
      owner: 'default',
      expiration: '2026-01-01T11:59:30.000Z',
      secondsLeft: 43_170,
    });
    expect(checkLeft('key', 1e6, env, NOW)).toMatchObject({ secondsLeft: null });
    expect(() => checkLeft(undefined, 43_171, env, NOW)).toThrow(
      needsPerson(
        'DA_CREDENTIALS_EXPIRED',
        'Profile default has credentials until 2026-01-01T11:59:30Z only',
      ),
    );
    expect(() => checkLeft(undefined, 0, env, NOW + 43_170_000)).toThrow(
      needsPerson(
        'DA_CREDENTIALS_EXPIRED',
        'Profile default has credentials that ended 2026-01-01T11:59:30Z',
      ),
    );
  });

  it('names the command that helps', () => {
    write('[p-long-term]\n', '[profile work]\nsso_session = corp\n');
    const next = (profile: string, step: string) => {
      const refused = expect.objectContaining({ code: 'DA_NO_CREDENTIALS', next: step }) as Error;
      expect(() => checkLeft(profile, 0, env, NOW)).toThrow(refused);
    };
    next('p', 'run devaccess mfa --profile p');
    next('work', 'run aws sso login --profile work');
    expect(() => checkLeft('nope', 0, env, NOW)).toThrow(
      expect.objectContaining({ code: 'DA_NO_PROFILE', exitCode: 1 }) as Error,
    );
  });

  it('looks at the environment where its keys are used', () => {
    write('');
    env.AWS_ACCESS_KEY_ID = 'A';
    expect(checkLeft(undefined, 60, env, NOW)).toMatchObject({ owner: 'the environment' });
    Object.assign(env, {
      AWS_SESSION_TOKEN: 't',
      AWS_CREDENTIAL_EXPIRATION: '2026-01-01T00:00:59Z',
    });
    expect(() => checkLeft(undefined, 60, env, NOW)).toThrow(/The environment has credentials/);
    expect(prompt()).toBe('env <1m');
  });
});

describe('the text for a prompt', () => {
  it.each([
    ['2026-01-01 11:59:30', 'default 11h59m'],
    ['2026-01-01 02:00:00', 'default 2h00m'],
    ['2026-01-01 00:09:59', 'default 9m'],
    ['2026-01-01 00:00:01', 'default <1m'],
    ['2026-01-01 00:00:00', 'default expired'],
  ])('until %s is %s', (expiration, text) => {
    write(`[default]\n${session(expiration)}`);
    expect(prompt()).toBe(text);
  });

  it('is short for everything else', () => {
    write(`[key]\n${KEY}[p-long-term]\n${KEY}`);
    expect(prompt()).toBe('');
    expect(prompt('key')).toBe('key');
    expect(prompt('p')).toBe('p none');
  });
});
