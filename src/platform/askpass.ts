import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { DevaccessError, EXIT, errorLine, printable } from './errors.ts';
import { envValue } from './paths.ts';
import type { Environment } from './paths.ts';
import { withSignalCleanup } from './signals.ts';

/** Longer than any answer; a program that says more is not one that asks. */
const MAX_ANSWER_BYTES = 1024;

/**
 * The program to ask with in place of the terminal: SSH_ASKPASS by the rules of OpenSSH (ssh(1),
 * SSH_ASKPASS_REQUIRE), then DEVACCESS_ASKPASS, where there is no terminal.
 *
 * @returns its path; undefined where the terminal is to be used, or nothing is there to ask with
 */
export function askpassProgram(env: Environment, hasTerminal: boolean): string | undefined {
  const program = envValue(env, 'SSH_ASKPASS');
  const required = envValue(env, 'SSH_ASKPASS_REQUIRE')?.toLowerCase();
  if (program !== undefined && (required === 'force' || required === 'prefer')) return program;
  if (hasTerminal) return undefined;
  const hasDisplay =
    envValue(env, 'DISPLAY') !== undefined || envValue(env, 'WAYLAND_DISPLAY') !== undefined;
  if (program !== undefined && hasDisplay && required !== 'never') return program;
  return envValue(env, 'DEVACCESS_ASKPASS');
}

/**
 * Asks with a program as OpenSSH does: the question is its argument, the answer the first line of
 * its output, and another exit code than 0 means that the person declined.
 *
 * @throws DevaccessError DA_CANCELLED; DA_NO_TERMINAL (exit 3) when the program cannot be run
 */
export async function askWithProgram(
  program: string,
  message: string,
  withoutIt: string,
): Promise<string> {
  let child: ChildProcess | undefined;
  let answer = '';
  let code: number | null;
  try {
    [code] = await withSignalCleanup(
      () => child?.kill(),
      () => {
        const args = [printable(message)];
        const started = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        child = started;
        started.stdout.setEncoding('utf8').on('data', (text: string) => {
          if (answer.length <= MAX_ANSWER_BYTES) answer += text;
        });
        return once(started, 'close') as Promise<[number | null]>;
      },
    );
  } catch (error) {
    throw new DevaccessError('DA_NO_TERMINAL', `${program} cannot ask: ${errorLine(error)}`, {
      next: withoutIt,
      exitCode: EXIT.needsPerson,
      cause: error,
    });
  }
  if (code !== 0 || answer.length > MAX_ANSWER_BYTES) {
    throw new DevaccessError('DA_CANCELLED', 'Cancelled; nothing was changed');
  }
  return answer.split('\n')[0] ?? '';
}
