import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { DevaccessError, EXIT } from './errors.ts';
import { errorCode } from './file-errors.ts';
import { hasTerminal } from './has-terminal.ts';
import type { Environment } from './paths.ts';

/** Those the terminal sends to every program on it, and those meant for one. */
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT'] as const;
const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** Ends that a shell must see as they are, or its loops would go on after Ctrl-C. */
const RAISED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'];

/** How a program ended: one of the two is null. */
export interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * Runs a program in the place of this one: with its terminal, stdin and stdout, signals passed on.
 *
 * @throws DevaccessError DA_COMMAND with exit code 127 where there is no such program, 126 where
 *   it cannot be run
 */
export async function runChild(
  program: string,
  args: readonly string[],
  env: Environment,
): Promise<ChildEnd> {
  let child: ChildProcess | undefined;
  // On a terminal the program gets Ctrl-C itself; twice would be more than was meant.
  const passed: readonly NodeJS.Signals[] = hasTerminal()
    ? PASSED_ON
    : [...PASSED_ON, ...FROM_TERMINAL];
  const pass = (signal: NodeJS.Signals): void => void child?.kill(signal);
  const ignore = (): void => undefined;
  // Before it starts: what it says first may bring a signal at once.
  for (const signal of passed) process.on(signal, pass);
  for (const signal of FROM_TERMINAL) process.on(signal, ignore);
  try {
    return await new Promise((resolve, reject) => {
      const started = spawn(program, args, { stdio: 'inherit', env });
      child = started;
      started.on('error', reject);
      started.on('exit', (code, signal) => resolve({ code, signal }));
    });
  } catch (error) {
    throw notRun(program, error);
  } finally {
    for (const signal of passed) process.off(signal, pass);
    for (const signal of FROM_TERMINAL) process.off(signal, ignore);
  }
}

/** Ends this process as the program ended: with its exit code, or by the same signal. */
export function endAlike({ code, signal }: ChildEnd): void {
  if (signal === null) process.exitCode = code ?? 0;
  else if (RAISED.includes(signal)) process.kill(process.pid, signal);
  else process.exitCode = 128 + constants.signals[signal];
}

function notRun(program: string, error: unknown): DevaccessError {
  const isMissing = errorCode(error) === 'ENOENT';
  const why = isMissing ? 'no such program' : (errorCode(error) ?? 'it cannot be run');
  return new DevaccessError('DA_COMMAND', `Cannot run ${program}: ${why}`, {
    next: 'check the command after --',
    exitCode: isMissing ? EXIT.commandNotFound : EXIT.commandNotRun,
    cause: error,
  });
}
