import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CredentialsStatus } from '../../src/credentials/status.ts';
import { devaccess } from './cli.ts';
import { AccountHolder, role } from './support/account-holder.ts';
import { commandOnTerminal, hasTerminal } from './support/terminal.ts';

const BIN = fileURLToPath(new URL('../../bin/devaccess.js', import.meta.url));

let alice: AccountHolder;
beforeEach(async () => {
  alice = await AccountHolder.arrive();
  alice.writeConfig(
    `[default]\nregion = us-east-1\n` +
      `[profile admin]\nrole_arn = ${role('admin')}\nsource_profile = default\n` +
      `[profile broken]\ncredential_process = false\n`,
  );
});
afterEach(() => alice.leave());

describe('devaccess status', () => {
  it('shows every profile, and asks nobody', async () => {
    await alice.signIn();
    const calls = alice.calls.length;
    const { code, stdout, stderr } = await alice.run(['status'], {
      AWS_PROFILE: 'admin',
      TZ: 'UTC',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^ +PROFILE +LEFT +CREDENTIALS +ACCOUNT +ENDS +MFA DEVICE$/);
    expect(lines[1]).toMatch(
      /^ +default +(12 h|11 h 59 min) +MFA session +123456789012 +\S+ \S+ UTC +alice$/,
    );
    expect(lines[2]).toMatch(/^\* +admin +(12 h|11 h 59 min) +role devaccess-admin from default /);
    expect(lines[3]).toMatch(/^ +broken +unknown +credential_process$/);
    expect(lines[4]).toMatch(/^ +default-long-term +no end +long-term key +123456789012 +alice$/);
    expect(alice.calls).toHaveLength(calls);
  });

  it('asks STS who each profile is with --verify, and says who is not', async () => {
    await alice.signIn();
    const run = await alice.run(['status', '--verify', '--json']);
    expect(run.code).toBe(4);
    const { profiles } = JSON.parse(run.stdout) as CredentialsStatus;
    const verified = Object.fromEntries(profiles.map((entry) => [entry.profile, entry.verified]));
    const user = { account: '123456789012', arn: 'arn:aws:iam::123456789012:user/alice' };
    expect(verified).toMatchObject({
      default: user,
      'default-long-term': user,
      admin: { arn: 'arn:aws:sts::123456789012:assumed-role/devaccess-admin/alice' },
      broken: { error: { code: 'DA_CREDENTIAL_PROCESS' } },
    });
    expect((await alice.run(['status', '--verify', '--profile', 'default'])).code).toBe(0);
  });

  it('tells scripts by its exit code whether there is enough time left', async () => {
    expect((await alice.run(['status', '--check'])).code).toBe(3);
    await alice.signIn();
    expect(await alice.run(['status', '--check', '--min-left', '11h'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^default has credentials for 1/) as string,
    });
    const short = await alice.run(['status', '--check', '--min-left', '13h', '--json']);
    expect(short.code).toBe(3);
    expect(JSON.parse(short.stdout)).toMatchObject({
      error: { code: 'DA_CREDENTIALS_EXPIRED', next: 'run devaccess mfa' },
    });
    for (const args of [
      ['--check', '--min-left', 'soon'],
      ['--min-left', '1h'],
      ['--prompt', '--check'],
    ]) {
      expect((await alice.run(['status', ...args])).code).toBe(2);
    }
  });

  it('prints a few characters for a prompt, and never an error', async () => {
    await alice.signIn();
    const prompt = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await alice.run(['status', '--prompt', ...args]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout;
    };
    expect(await prompt()).toMatch(/^default 1[12]h\d\dm\n$/);
    expect(await prompt('--profile', 'admin')).toMatch(/^admin 1[12]h\d\dm\n$/);
    expect(await prompt('--profile=broken')).toBe('broken\n');
    alice.writeCredentials('\ufffe[default\n\0');
    expect(await prompt()).toBe('');
    rmSync(alice.credentialsFile);
    expect(await prompt()).toBe('');
  });

  it.runIf(hasTerminal)('fits a terminal, and one that does not say how wide it is', async () => {
    await alice.signIn();
    for (const [columns, line] of [
      [0, /MFA session +123456789012 +\S+ \S+ UTC +alice/],
      [50, /^\* +default +1[12] h( 59 min)? +MFA session *\r?$/m],
    ] as const) {
      const command = `stty cols ${columns} </dev/tty; '${process.execPath}' '${BIN}' status >/dev/tty`;
      const place = { env: alice.env({ TZ: 'UTC' }), folder: alice.home };
      expect((await commandOnTerminal(command, [], place)).screen).toMatch(line);
    }
  });

  it('is of use on the first day', async () => {
    const home = mkdtempSync(join(tmpdir(), 'devaccess-status-'));
    const { code, stdout } = await devaccess(['status'], { env: { HOME: home } });
    rmSync(home, { recursive: true });
    expect(code).toBe(0);
    expect(stdout).toBe('There are no profiles yet: devaccess mfa --setup\n');
  });

  it('makes what a file says harmless for a terminal', async () => {
    alice.writeCredentials(`${alice.credentials()}[e\u001b[31mvil]\nx = 1\n`);
    const { stdout } = await alice.run(['status']);
    expect(stdout).toContain('e?[31mvil');
    expect(stdout).not.toContain('\u001b');
  });
});
