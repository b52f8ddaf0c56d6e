import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { shareCompiledCode } from './support/compiled-code.ts';

const BIN = fileURLToPath(new URL('../../bin/devaccess.js', import.meta.url));

export interface CliRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  /** The whole environment; only PATH is added. */
  env: Readonly<Record<string, string>>;
  /** What stdin holds; without it there is nothing to read. */
  input?: string;
  onStarted?: (kill: (signal: NodeJS.Signals) => void) => void;
  /** Told of stdout while it runs. */
  onOutput?: (text: string) => void;
}

/**
 * Runs the built `devaccess` as a process of its own, without a terminal: a new session has none,
 * so a prompt cannot reach the terminal of whoever runs the tests.
 */
export function devaccess(args: readonly string[], options: CliOptions): Promise<CliRun> {
  return run(process.execPath, [BIN, ...args], options);
}

/** Runs a program to its end and collects what it says. */
export function run(
  program: string,
  args: readonly string[],
  { env, input, onStarted, onOutput }: CliOptions,
): Promise<CliRun> {
  if (env['HOME'] !== undefined) shareCompiledCode(env['HOME']);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      onOutput?.(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    onStarted?.((signal) => child.kill(signal));
  });
}
