import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';

const BIN = fileURLToPath(new URL('../../bin/devaccess.js', import.meta.url));
/** util-linux's script(1) gives a program a terminal; its namesake on macOS has other options. */
const SCRIPT = 'script';
const hasScript = spawnSync(SCRIPT, ['-qec', 'true', '/dev/null']).status === 0;

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

/**
 * Runs `devaccess mfa` on a terminal of its own with stdin and stdout elsewhere, and types each
 * answer when the question before it has appeared.
 */
function onTerminal(
  answers: string[],
): Promise<{ code: number | null; screen: string; stdout: string }> {
  const stdoutFile = join(home, 'stdout');
  const command = `'${process.execPath}' '${BIN}' mfa </dev/null >'${stdoutFile}'`;
  return new Promise((resolve, reject) => {
    const child = spawn(SCRIPT, ['-qec', command, '/dev/null'], {
      env: { PATH: process.env.PATH, HOME: home, TERM: 'dumb', ...sandbox.environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let screen = '';
    let asked = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      // The tool redraws its question on each key: one answer for each new one.
      const questions = screen.split(/refused the MFA code;|six digits, please/).length;
      const isReady = screen.includes('mfa/alice:') && questions > asked;
      const answer = isReady ? answers[asked] : undefined;
      if (answer === undefined) return;
      asked += 1;
      child.stdin.write(answer);
    });
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({ code, screen, stdout: readFileSync(stdoutFile, 'utf8') }),
    );
  });
}

const wrongCode = (): string => (sandbox.mfaCode() === '000000' ? '000001' : '000000');

describe.runIf(hasScript)('devaccess mfa on a terminal', () => {
  it('asks there, and leaves stdout to the result', async () => {
    const { code, screen, stdout } = await onTerminal([`${sandbox.mfaCode()}\r`]);
    expect(code).toBe(0);
    expect(screen).toContain('MFA code of arn:aws:iam::123456789012:mfa/alice:');
    expect(stdout).toMatch(/^default has a new session .*\n$/);
    expect(credentials()).toContain('[default]\n');
  });

  it('asks again after a wrong code', async () => {
    const { code, screen } = await onTerminal([`${wrongCode()}\r`, `${sandbox.mfaCode()}\r`]);
    expect(screen).toContain('AWS refused the MFA code; take the next one.');
    expect(code).toBe(0);
  });

  it('takes a whole new answer after one that is no code', async () => {
    const { code, screen } = await onTerminal(['123\r', `${sandbox.mfaCode()}\r`]);
    expect(screen).toContain('six digits, please');
    expect(code).toBe(0);
  });

  it('gives up after three', async () => {
    const wrong = `${wrongCode()}\r`;
    const { code, screen } = await onTerminal([wrong, wrong, wrong, wrong]);
    expect(code).toBe(1);
    expect(screen).toContain('[DA_MFA_CODE_REFUSED]');
    expect(credentials()).not.toContain('[default]\n');
  });

  it('ends cleanly on Ctrl-C', async () => {
    const { code, screen } = await onTerminal(['12\u0003']);
    expect(code).toBe(1);
    expect(screen).toContain('devaccess: Cancelled; nothing was changed [DA_CANCELLED]');
    expect(credentials()).not.toContain('[default]\n');
  });
});
