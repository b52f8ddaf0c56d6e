import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { ErrorCode } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import { withSignalCleanup } from '../platform/signals.ts';

/** How long a person may take to find the phone. */
export const PATIENCE_MS = 120_000;

export interface PersonCommand {
  /** A command of devaccess that asks by itself and answers in JSON. */
  command: readonly [string, ...string[]];
  env: Environment;
  /** The program to ask with instead of the terminal. */
  askpass: string | undefined;
  /** Gives up, prompt and all. */
  signal?: AbortSignal | undefined;
}

/** The command's JSON, or its error. */
export type PersonAnswer =
  | { ok: true; text: string }
  | { ok: false; code: ErrorCode; message: string; next?: string | undefined };

/** Runs a command that asks the person, and ends it where nobody answers, or waits any more. */
export async function runForPerson({
  command: [program, ...args],
  env,
  askpass,
  signal,
}: PersonCommand): Promise<PersonAnswer> {
  let child: ChildProcess | undefined;
  const stop = (): void => void child?.kill('SIGTERM');
  let ended = 'The prompt was ended';
  const timer = setTimeout(() => {
    ended = `Nobody gave it within ${PATIENCE_MS / 1000} s`;
    stop();
  }, PATIENCE_MS);
  signal?.addEventListener('abort', stop);
  let text = '';
  const code = await withSignalCleanup(stop, () => {
    const started = spawn(program, args, {
      env:
        askpass === undefined
          ? env
          : { ...env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child = started;
    started.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    return new Promise<number | null>((resolve) => {
      started.once('error', () => resolve(null));
      started.once('close', resolve);
    });
  });
  clearTimeout(timer);
  signal?.removeEventListener('abort', stop);
  if (code === 0) return { ok: true, text };
  return failure(text) ?? { ok: false, code: 'DA_CANCELLED', message: ended };
}

function failure(text: string): PersonAnswer | undefined {
  try {
    const { error } = JSON.parse(text) as {
      error?: { code?: string; message?: string; next?: string | null };
    };
    if (error?.message === undefined || !/^DA_[A-Z_]+$/.test(error.code ?? '')) return undefined;
    const { code, message, next } = error;
    return { ok: false, code: code as ErrorCode, message, next: next ?? undefined };
  } catch {
    return undefined;
  }
}
