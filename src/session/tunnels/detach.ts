import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { DevaccessError } from '../../platform/errors.ts';
import type { ErrorCode, ExitCode } from '../../platform/errors.ts';
import type { TunnelPlan } from './tunnel-plan.ts';
import type { TunnelStatus } from './tunnel-status.ts';

/** What a process without a terminal is told at its start. */
export interface DetachedWork {
  plans: TunnelPlan[];
}

/** What it answers, once. */
export type DetachedAnswer =
  | { outcome: 'ready'; pid: number; tunnels: TunnelStatus[] }
  | {
      outcome: 'failed';
      error: { code: ErrorCode; message: string; next?: string | undefined; exitCode: ExitCode };
    };

export interface DetachOptions {
  plans: TunnelPlan[];
  /** The program that reads {@link DetachedWork} from its parent. */
  script: string;
  /** What it says when it crashes goes here. */
  logFile: string;
  /** Gives it up while it is not ready. */
  stop: AbortSignal;
}

/**
 * Starts a process that outlives this one and its terminal, in a session of its own, and waits
 * until its tunnels are open. If this process ends before, so does that one.
 *
 * @returns undefined when it was given up
 * @throws DevaccessError why the tunnels cannot be opened; then nothing is left of it
 */
export async function startDetached({
  plans,
  script,
  logFile,
  stop,
}: DetachOptions): Promise<(DetachedAnswer & { outcome: 'ready' }) | undefined> {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, [script, ...plans.map(({ name }) => name)], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    windowsHide: true,
  });
  closeSync(log);
  const giveUp = (): void => {
    if (child.connected) child.disconnect();
  };
  if (stop.aborted) giveUp();
  else stop.addEventListener('abort', giveUp);
  try {
    child.send({ plans } satisfies DetachedWork, () => undefined);
    const answer = await answerOf(child, logFile).catch((error: unknown) => {
      if (stop.aborted) return undefined;
      throw error;
    });
    if (answer?.outcome === 'ready') return answer;
    await ended(child);
    if (answer === undefined) return undefined;
    const { code, message, next, exitCode } = answer.error;
    throw new DevaccessError(code, message, { exitCode, ...(next === undefined ? {} : { next }) });
  } finally {
    stop.removeEventListener('abort', giveUp);
    giveUp();
    child.unref();
  }
}

function answerOf(child: ChildProcess, logFile: string): Promise<DetachedAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      reject(
        new DevaccessError('DA_TUNNEL_PROCESS', `The process of the tunnels ${why}`, {
          next: `see ${logFile}`,
        }),
      );
    };
    child.once('message', (message) => resolve(message as DetachedAnswer));
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`}`));
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}
