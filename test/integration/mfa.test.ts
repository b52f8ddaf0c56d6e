import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
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
import type { MfaResult } from '../../src/credentials/mfa.ts';
import { devaccess } from './cli.ts';
import type { CliRun } from './cli.ts';

let home: string;
let sandbox: Sandbox;
/** The sandbox's clock: a code is single-use, so tests step to the next one. */
let clockOffsetMs: number;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-mfa-'));
  clockOffsetMs = 0;
  sandbox = await startSandbox({ now: () => Date.now() + clockOffsetMs });
});

afterEach(async () => {
  await sandbox.close();
  rmSync(home, { recursive: true, force: true });
});

const credentialsPath = (): string => join(home, '.aws', 'credentials');
const credentials = (): string => readFileSync(credentialsPath(), 'utf8');

function longTermSection(name = 'default-long-term'): string {
  const { accessKeyId, secretAccessKey } = sandbox.accessKey;
  return (
    `[${name}]\naws_access_key_id=${accessKeyId}\n` +
    `aws_secret_access_key =  ${secretAccessKey}\n` +
    `aws_mfa_device = ${sandbox.mfaDevice.serialNumber}\n`
  );
}

function writeCredentials(text: string, mode = 0o600): void {
  mkdirSync(join(home, '.aws'), { recursive: true, mode: 0o700 });
  writeFileSync(credentialsPath(), text, { mode });
}

function env(extra: Record<string, string> = {}): Record<string, string> {
  return { HOME: home, TZ: 'Europe/Berlin', AWS_ENDPOINT_URL: sandbox.endpoint, ...extra };
}

function mfa(args: string[] = [], extra: Record<string, string> = {}): Promise<CliRun> {
  return devaccess(['mfa', ...args], { env: env(extra) });
}

function nextCode(): string {
  clockOffsetMs += 30_000;
  return sandbox.mfaCode();
}

function json(run: CliRun): MfaResult & { error?: { code: string } } {
  return JSON.parse(run.stdout) as MfaResult & { error?: { code: string } };
}

describe('devaccess mfa', () => {
  it('writes a session beside untouched lines and says when it ends', async () => {
    const before = `# my keys\r\n; other\n[other]\nregion=eu-west-1   # keep\n\n${longTermSection()}`;
    writeCredentials(before);
    const first = await mfa(['--token', sandbox.mfaCode()]);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(
      /^default has a new session for (?:12 h|11 h 59 min), until [\d-]+ [\d:]+ Europe\/Berlin \([\d-]+ [\d:]+ UTC\)\n$/,
    );
    expect(credentials().startsWith(`${before}\n[default]\nassumed_role = False\n`)).toBe(true);
    expect(credentials()).toMatch(
      /\naws_session_token = (\S+)\naws_security_token = \1\nexpiration = \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n/,
    );
    expect(statSync(credentialsPath()).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(home, '.aws'))).toEqual(['credentials']);
  });

  it('keeps a valid session, and renews it with --force', async () => {
    writeCredentials(longTermSection());
    const first = json(await mfa(['--json', '--token', sandbox.mfaCode()]));
    const stored = credentials();
    const second = await mfa(['--json', '--token', nextCode()]);
    const { secondsLeft: _left, ...same } = first;
    expect(json(second)).toMatchObject({ ...same, action: 'kept' });
    expect(credentials()).toBe(stored);
    const third = json(await mfa(['--json', '--force', '--token', sandbox.mfaCode()]));
    expect(third.action).toBe('refreshed');
    expect(third.accessKeyIdSuffix).toHaveLength(4);
    expect(credentials()).not.toBe(stored);
  });

  it('prints no secret, neither in text nor in json', async () => {
    writeCredentials(longTermSection());
    const runs = [
      await mfa(['--json', '--token', sandbox.mfaCode()]),
      await mfa(['--json']),
      await mfa(['--force', '--token', '000000']),
    ];
    const said = runs.map(({ stdout, stderr }) => stdout + stderr).join('');
    const secrets = [...credentials().matchAll(/(?:secret_access_key|token) = +(\S+)/g)];
    expect(secrets).toHaveLength(4);
    for (const [, secret] of secrets) expect(said).not.toContain(secret);
  });

  it('refuses a wrong and a used code, with what to do', async () => {
    writeCredentials(longTermSection());
    const before = credentials();
    const code = sandbox.mfaCode();
    const wrong = code === '000000' ? '000001' : '000000';
    const refused = await mfa(['--token', wrong]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toBe(
      'devaccess: AWS refused the MFA code [DA_MFA_CODE_REFUSED] Next: wait for the next code, ' +
        'as each works only once, and check the device and its clock\n',
    );
    expect(credentials()).toBe(before);
    expect((await mfa(['--token', code])).code).toBe(0);
    expect((await mfa(['--force', '--token', code])).stderr).toContain('[DA_MFA_CODE_REFUSED]');
  });

  it('renews an expired session in place, an aws-mfa section included', async () => {
    const old =
      'assumed_role = False\naws_access_key_id = ASIAOLD\naws_secret_access_key = s\n' +
      'aws_session_token = t\naws_security_token = t\nexpiration = 2020-01-01 00:00:00\n';
    writeCredentials(`[default]\n${old}# end\n${longTermSection()}`);
    const renewed = await mfa(['--token', sandbox.mfaCode()]);
    expect(renewed.code).toBe(0);
    expect(credentials()).not.toContain('ASIAOLD');
    expect(credentials()).toContain(`# end\n${longTermSection()}`);
    expect(credentials().match(/^\[default\]$/gm)).toHaveLength(1);
  });

  it('fails at once, with the command to run, where there is no terminal', async () => {
    writeCredentials(longTermSection('work-long-term'));
    const asked = await mfa(['--profile', 'work']);
    expect(asked).toMatchObject({ code: 3, stdout: '' });
    expect(asked.stderr).toBe(
      'devaccess: There is no terminal to ask on [DA_NO_TERMINAL] Next: run devaccess mfa ' +
        '--profile work in a terminal, or give --token\n',
    );
  });

  it('explains a missing file, section, key and device', async () => {
    const missing = await mfa(['--token', '123456']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain(`no section [default-long-term] in ${credentialsPath()}`);
    expect(existsSync(join(home, '.aws'))).toBe(false);
    writeCredentials('[x]\na=1\n');
    expect((await mfa(['--token', '123456'])).stderr).toContain('[DA_NO_LONG_TERM_KEY]');
    writeCredentials('[default-long-term]\naws_access_key_id=a\n');
    expect((await mfa(['--token', '123456'])).stderr).toContain('no aws_secret_access_key');
    writeCredentials('[default-long-term]\naws_access_key_id=a\naws_secret_access_key=b\n');
    expect((await mfa(['--token', '123456'])).stderr).toContain('[DA_NO_MFA_DEVICE]');
  });

  it.each([
    ['a five-digit code', ['--token', '12345']],
    ['a short duration', ['--token', '123456', '--duration', '600']],
    ['equal sections', ['--token', '123456', '--long-term-suffix', 'none']],
    ['a bad region', ['--token', '123456', '--region', 'x/../y']],
    ['a bad device', ['--token', '123456', '--device', 'a b']],
    ['no role', ['--token', '123456', '--assume-role', 'admin']],
    ['a bad session name', ['--token', '123456', '--role-session-name', 'a']],
  ])('refuses %s as wrong usage before any call', async (_what, args) => {
    writeCredentials(longTermSection());
    const refused = await mfa(args);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('[DA_USAGE]');
  });

  const ADMIN = 'arn:aws:iam::123456789012:role/devaccess-admin';

  it('assumes a role with the code, keeps its session, and leaves it for another', async () => {
    writeCredentials(`${longTermSection()}assume_role = ${ADMIN}\n`);
    const first = json(await mfa(['--json', '--token', sandbox.mfaCode(), '--duration', '43200']));
    expect(first).toMatchObject({ action: 'refreshed', role: ADMIN });
    expect(first.secondsLeft).toBeGreaterThan(43_000);
    expect(credentials()).toContain(
      `[default]\nassumed_role = True\nassumed_role_arn = ${ADMIN}\n`,
    );
    expect(json(await mfa(['--json']))).toMatchObject({ action: 'kept', role: ADMIN });
    const reader = ADMIN.replace('admin', 'reader');
    const other = await mfa(['--assume', reader, '--token', nextCode()]);
    expect(other.stdout).toMatch(/^default \(\S+\/devaccess-reader\) has a new session for /);
    expect(credentials()).not.toContain(`assumed_role_arn = ${ADMIN}\n`);
    writeCredentials(credentials().replace(/^assume_role = .*\n/m, ''));
    const user = await mfa(['--json', '--token', nextCode()]);
    expect(json(user)).toMatchObject({ action: 'refreshed', role: null });
    expect(credentials()).not.toContain('assumed_role_arn');
  });

  it('explains a role that is denied and one whose sessions are shorter', async () => {
    writeCredentials(longTermSection());
    const before = credentials();
    const role = 'arn:aws:iam::123456789012:role/nobody';
    const denied = await mfa(['--token', sandbox.mfaCode()], { MFA_ASSUME_ROLE: role });
    expect(denied.code).toBe(1);
    expect(denied.stderr).toContain(
      `Profile default-long-term may not assume ${role} [DA_ROLE_DENIED]`,
    );
    const reader = ADMIN.replace('admin', 'reader');
    const args = ['--assume-role', reader, '--duration', '7200', '--token', sandbox.mfaCode()];
    const shorter = await mfa(args);
    expect(shorter.code).toBe(1);
    expect(shorter.stderr).toContain('does not allow sessions of 7200 s [DA_ROLE_DURATION]');
    expect(credentials()).toBe(before);
  });

  it('says as much as --log-level asks for, and errors at any', async () => {
    writeCredentials(longTermSection());
    const quiet = await mfa(['--log-level', 'WARNING', '--token', sandbox.mfaCode()]);
    expect(quiet).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const detailed = await mfa(['--log-level', 'DEBUG', '--force', '--token', nextCode()]);
    expect(detailed.stderr).toContain('asking STS: as asked by --force');
    expect(detailed.stderr).toContain('[default-long-term] to [default] of ');
    const failed = await mfa(['--log-level=CRITICAL', '--profile', 'none', '--token', '123456']);
    expect(failed.stderr).toContain('[DA_NO_LONG_TERM_KEY]');
  });

  it('takes a code from stdin, so that it is in no process list', async () => {
    writeCredentials(longTermSection());
    const input = `${sandbox.mfaCode()}\n`;
    const { code } = await devaccess(['mfa', '--token', '-'], { env: env(), input });
    expect(code).toBe(0);
  });

  it('takes a command line as aws-mfa does: cut short, and the last of two', async () => {
    writeCredentials(longTermSection('dev-long-term'));
    const line = ['--prof', 'other', '--prof=dev', '--mfa', sandbox.mfaCode(), '--f'];
    expect(await mfa(line)).toMatchObject({ code: 0, stderr: '' });
    expect((await mfa(['-h'])).stdout).toContain('--assume-role');
  });

  it('writes through a symlink and leaves it a symlink', async () => {
    writeCredentials('');
    rmSync(credentialsPath());
    const real = join(home, 'real-credentials');
    writeFileSync(real, longTermSection(), { mode: 0o644 });
    symlinkSync(real, credentialsPath());
    const written = await mfa(['--token', sandbox.mfaCode()]);
    expect(written.code).toBe(0);
    expect(written.stderr).toBe(`${real} was readable by others (mode 0644); it is 0600 now\n`);
    expect(lstatSync(credentialsPath()).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toContain('\n[default]\n');
    expect(statSync(real).mode & 0o777).toBe(0o600);
  });

  it('refuses a broken file with the line, and does not spend the code', async () => {
    const broken = `${longTermSection()}[x]\na=1\na=2\n`;
    writeCredentials(broken);
    const refused = await mfa(['--token', sandbox.mfaCode()]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('line 7: key a appears twice in [x]');
    expect(credentials()).toBe(broken);
    writeCredentials(longTermSection());
    expect((await mfa(['--token', sandbox.mfaCode()])).code).toBe(0);
  });

  it('does not spend the code on a file or name it could not write', async () => {
    writeCredentials(longTermSection());
    linkSync(credentialsPath(), join(home, 'second-link'));
    const linked = await mfa(['--token', sandbox.mfaCode()]);
    expect(linked.stderr).toContain('[DA_HARD_LINKED]');
    rmSync(join(home, 'second-link'));
    const named = await mfa(['--short-suffix', 'a b', '--token', sandbox.mfaCode()]);
    expect(named.stderr).toContain("'default-a b' cannot be a profile name");
    expect((await mfa(['--token', sandbox.mfaCode()])).code).toBe(0);
  });

  it.skipIf(process.geteuid?.() === 0)('explains a read-only folder', async () => {
    writeCredentials(longTermSection());
    chmodSync(join(home, '.aws'), 0o500);
    const refused = await mfa(['--token', sandbox.mfaCode()]);
    chmodSync(join(home, '.aws'), 0o700);
    expect(refused.stderr).toContain('[DA_FILE_NOT_WRITABLE]');
  });

  it('lets two at once with one code both end well', async () => {
    writeCredentials(longTermSection());
    const token = sandbox.mfaCode();
    const runs = await Promise.all([
      mfa(['--json', '--token', token]),
      mfa(['--json', '--token', token]),
    ]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    expect(runs.map((run) => json(run).action).sort()).toEqual(['kept', 'refreshed']);
  });

  it('leaves a whole file and no debris when killed before writing', async () => {
    writeCredentials(longTermSection());
    // Killed while STS is answering: the last moment before the file is written.
    const killed = await new Promise<CliRun>((resolve, reject) => {
      let kill: (signal: NodeJS.Signals) => void = () => undefined;
      sandbox.httpServer.prependOnceListener('request', () => kill('SIGKILL'));
      const args = ['mfa', '--token', sandbox.mfaCode()];
      devaccess(args, { env: env(), onStarted: (k) => (kill = k) }).then(resolve, reject);
    });
    expect(killed.code).toBeNull();
    expect(credentials()).toBe(longTermSection());
    // Its lock is stale and is taken over.
    expect((await mfa(['--token', nextCode()])).code).toBe(0);
    expect(readdirSync(join(home, '.aws'))).toEqual(['credentials']);
    expect(readdirSync(join(home, '.local/state/devaccess/locks'))).toEqual([]);
  });

  it('takes the names and spellings of aws-mfa', async () => {
    writeCredentials(longTermSection('org'));
    const args = [
      '--long-suffix',
      'none',
      '--short-suffix',
      'dev',
      '--mfa-token',
      sandbox.mfaCode(),
    ];
    const written = await mfa(['--json', ...args], { AWS_PROFILE: 'org', MFA_STS_DURATION: '900' });
    expect(json(written)).toMatchObject({ profile: 'org-dev', action: 'refreshed' });
    expect(json(written).secondsLeft).toBeLessThanOrEqual(900);
    expect(credentials()).toContain('\n[org-dev]\n');
  });

  it('plays no part of the environment into the call but the endpoint', async () => {
    writeCredentials(longTermSection('dev-long-term'));
    const written = await mfa(['--token', sandbox.mfaCode()], {
      AWS_PROFILE: 'dev',
      AWS_ACCESS_KEY_ID: 'AKIAOTHER',
      AWS_SECRET_ACCESS_KEY: 'other',
      AWS_SESSION_TOKEN: 'other',
    });
    expect(written.code).toBe(0);
    expect(credentials()).toContain('\n[dev]\n');
  });

  it('names the endpoint it cannot reach', async () => {
    writeCredentials(longTermSection());
    const failed = await mfa(['--token', '123456'], { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('Could not reach 127.0.0.1:1 (ECONNREFUSED)');
    expect(failed.stderr).toContain('[DA_ENDPOINT_UNREACHABLE]');
  });

  it('tells an unknown key from a wrong secret', async () => {
    writeCredentials(
      longTermSection().replace(sandbox.accessKey.accessKeyId, 'AKIAUNKNOWNUNKNOWN00'),
    );
    expect((await mfa(['--token', '123456'])).stderr).toContain('its key is unknown or disabled');
    writeCredentials(longTermSection().replace(sandbox.accessKey.secretAccessKey, 'wrong'));
    expect((await mfa(['--token', '123456'])).stderr).toContain('its secret key does not match');
  });

  it('does not take a session for new that has ended by the clock of this computer', async () => {
    writeCredentials(longTermSection());
    clockOffsetMs = -14 * 3_600_000;
    const before = credentials();
    const { code, stderr } = await devaccess(['mfa', '--token', sandbox.mfaCode()], { env: env() });
    expect(code).toBe(1);
    expect(stderr).toContain('[DA_CLOCK_SKEW]');
    expect(credentials()).toBe(before);
  });

  it('names the file that has errors, and the line', async () => {
    writeCredentials(`${longTermSection()}[default]\n[default]\n`);
    const { code, stderr } = await devaccess(['mfa', '--token', '123456'], { env: env() });
    expect(code).toBe(1);
    expect(stderr).toContain(`${credentialsPath()} has errors: line 6: section [default] appears`);
  });
});
