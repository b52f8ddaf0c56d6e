import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../../bin/devaccess.js', import.meta.url));
/** util-linux's script(1) gives a program a terminal; its namesake on macOS has other options. */
const SCRIPT = 'script';
export const hasTerminal = spawnSync(SCRIPT, ['-qec', 'true', '/dev/null']).status === 0;

export interface Typing {
  /** Typed once this is on the screen, after what the answers before it waited for. */
  after: string | RegExp;
  /** A function where it is only known by then. */
  text: string | (() => string);
}

export interface TerminalRun {
  code: number | null;
  /** All that came to the terminal. */
  screen: string;
  stdout: string;
}

interface Place {
  env: Readonly<Record<string, string>>;
  /** Where stdout is kept. */
  folder: string;
}

/** Runs `devaccess` on a terminal. @param args words without blanks or quotes */
export function onTerminal(
  args: readonly string[],
  typing: readonly Typing[],
  place: Place,
): Promise<TerminalRun> {
  return commandOnTerminal(`'${process.execPath}' '${BIN}' ${args.join(' ')}`, typing, place);
}

/**
 * Runs a shell command on a terminal of its own with stdin and stdout elsewhere, and types each
 * answer when what it waits for has appeared.
 */
export function commandOnTerminal(
  command: string,
  typing: readonly Typing[],
  { env, folder }: Place,
): Promise<TerminalRun> {
  const stdoutFile = join(folder, 'stdout');
  // Wide, or long questions are broken into lines.
  const line = `stty cols 250; { ${command}; } </dev/null >'${stdoutFile}'`;
  return new Promise((resolve, reject) => {
    const child = spawn(SCRIPT, ['-qec', line, '/dev/null'], {
      env: { PATH: process.env.PATH, TERM: 'dumb', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let screen = '';
    let seen = 0;
    let next = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      const answer = typing[next];
      if (answer === undefined) return;
      const fresh = screen.slice(seen);
      const isThere =
        typeof answer.after === 'string' ? fresh.includes(answer.after) : answer.after.test(fresh);
      if (!isThere) return;
      seen = screen.length;
      next += 1;
      child.stdin.write(typeof answer.text === 'string' ? answer.text : answer.text());
    });
    const deadline = setTimeout(() => {
      child.kill();
      const awaited = String(typing[next]?.after ?? 'its end');
      reject(new Error(`never came to ${awaited}:\n${screen}`));
    }, 60_000);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(deadline);
      resolve({ code, screen, stdout: readFileSync(stdoutFile, 'utf8') });
    });
  });
}
