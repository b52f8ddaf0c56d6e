import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { hasTerminal, onTerminal } from './support/terminal.ts';
import type { TerminalRun, Typing } from './support/terminal.ts';

let home: string;
let sandbox: Sandbox;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-prompt-'));
  sandbox = await startSandbox({ stateDir: join(home, '.aws') });
});
afterEach(async () => {
  await sandbox.close();
  rmSync(home, { recursive: true, force: true });
});

const credentials = (): string => readFileSync(join(home, '.aws', 'credentials'), 'utf8');

function mfa(typing: Typing[], args: string[] = []): Promise<TerminalRun> {
  const env = { HOME: home, ...sandbox.environment };
  return onTerminal(['mfa', ...args], typing, { env, folder: home });
}

const QUESTION = 'mfa/alice:';
/** A new question: what is typed is shown with the old one, which ends with its tick. */
const REFUSED = /✔[^\n]*\n[^\n]*refused the MFA code;[^\n]*mfa\/alice:/;
const wrongCode = (): string => (sandbox.mfaCode() === '000000' ? '000001' : '000000');

describe.runIf(hasTerminal)('devaccess mfa on a terminal', () => {
  it('asks there, and leaves stdout to the result', async () => {
    const { code, screen, stdout } = await mfa([
      { after: QUESTION, text: `${sandbox.mfaCode()}\r` },
    ]);
    expect(code).toBe(0);
    expect(screen).toContain('MFA code of arn:aws:iam::123456789012:mfa/alice:');
    expect(stdout).toMatch(/^default has a new session .*\n$/);
    expect(credentials()).toContain('[default]\n');
  });

  it('asks again after a wrong code', async () => {
    const { code, screen } = await mfa([
      { after: QUESTION, text: `${wrongCode()}\r` },
      { after: REFUSED, text: `${sandbox.mfaCode()}\r` },
    ]);
    expect(screen).toContain('AWS refused the MFA code; take the next one.');
    expect(code).toBe(0);
  });

  it('takes a whole new answer after one that is no code', async () => {
    const { code, screen } = await mfa([
      { after: QUESTION, text: '123\r' },
      { after: 'six digits, please', text: `${sandbox.mfaCode()}\r` },
    ]);
    expect(screen).toContain('six digits, please');
    expect(code).toBe(0);
  });

  it('gives up after three', async () => {
    const text = `${wrongCode()}\r`;
    const { code, screen } = await mfa([
      { after: QUESTION, text },
      { after: REFUSED, text },
      { after: REFUSED, text },
    ]);
    expect(code).toBe(1);
    expect(screen).toContain('[DA_MFA_CODE_REFUSED]');
    expect(credentials()).not.toContain('[default]\n');
  });

  it.each([
    ['Ctrl-C', '12\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('ends cleanly on %s', async (_key, text) => {
    const { code, screen } = await mfa([{ after: QUESTION, text }]);
    expect(code).toBe(1);
    expect(screen).toContain('devaccess: Cancelled; nothing was changed [DA_CANCELLED]');
    expect(credentials()).not.toContain('[default]\n');
  });

  it('says for which role the code is', async () => {
    const role = 'arn:aws:iam::123456789012:role/devaccess-admin';
    const text = `${sandbox.mfaCode()}\r`;
    const typing = [{ after: `mfa/alice (for ${role}):`, text }];
    const { code, stdout } = await mfa(typing, ['--assume-role', role]);
    expect(stdout).toMatch(/^default \(arn:.*:role\/devaccess-admin\) has a new session for /);
    expect(code).toBe(0);
    expect(credentials()).toContain(`assumed_role_arn = ${role}\n`);
  });
});

describe.runIf(hasTerminal)('devaccess mfa --setup', () => {
  it('asks for a key and its device, then the key works', async () => {
    const before = credentials();
    const { accessKeyId, secretAccessKey } = sandbox.accessKey;
    const { code, screen, stdout } = await mfa(
      [
        { after: 'Profile', text: 'work\r' },
        { after: 'Access key id', text: 'AKIA\r' },
        { after: 'an access key id is', text: `${accessKeyId}\r` },
        { after: 'Secret access key', text: `${secretAccessKey}\r` },
        { after: 'MFA device', text: `${sandbox.mfaDevice.serialNumber}\r` },
      ],
      ['--setup'],
    );
    expect(code).toBe(0);
    expect(stdout).toBe(`Wrote [work-long-term] to ${join(home, '.aws', 'credentials')}\n`);
    expect(screen).not.toContain(secretAccessKey);
    expect(credentials()).toBe(
      `${before}\n[work-long-term]\naws_access_key_id = ${accessKeyId}\n` +
        `aws_secret_access_key = ${secretAccessKey}\n` +
        `aws_mfa_device = ${sandbox.mfaDevice.serialNumber}\n`,
    );
    const session = await mfa([], ['--profile', 'work', '--token', sandbox.mfaCode()]);
    expect(session.stdout).toMatch(/^work has a new session/);
  });

  it('takes --profile and a suffix, needs no device, and makes the folder', async () => {
    rmSync(join(home, '.aws'), { recursive: true });
    const { code } = await mfa(
      [
        { after: 'Access key id', text: 'AKIAEXAMPLEEXAMPLE00\r' },
        { after: 'Secret access key', text: 'secret\r' },
        { after: 'MFA device', text: '\r' },
      ],
      ['--setup', '--profile', 'org', '--long-term-suffix', 'keys'],
    );
    expect(code).toBe(0);
    expect(credentials()).toBe(
      '[org-keys]\naws_access_key_id = AKIAEXAMPLEEXAMPLE00\naws_secret_access_key = secret\n',
    );
  });

  it('touches no section that is there, and asks for no key for it', async () => {
    const before = credentials();
    const { code, screen } = await mfa([{ after: 'Profile', text: '\r' }], ['--setup']);
    expect(code).toBe(2);
    expect(screen).toContain('[DA_PROFILE_EXISTS]');
    expect(screen).not.toContain('Access key id');
    expect(credentials()).toBe(before);
  });

  it('writes nothing when it is cancelled', async () => {
    const before = credentials();
    const { code } = await mfa(
      [
        { after: 'Access key id', text: 'AKIAEXAMPLEEXAMPLE00\r' },
        { after: 'Secret access key', text: '\u0003' },
      ],
      ['--setup', '--profile', 'work'],
    );
    expect(code).toBe(1);
    expect(credentials()).toBe(before);
  });
});
