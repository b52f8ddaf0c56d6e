import { DevaccessError, EXIT } from '../platform/errors.ts';
import type { ErrorCode, ExitCode } from '../platform/errors.ts';
import { editFile, readTextFile } from '../platform/safe-file.ts';

interface Failure {
  atMs: number;
  code: ErrorCode;
  message: string;
  next: string | undefined;
  exitCode: ExitCode;
}

/**
 * Leaves an error for those who wait for their turn meanwhile. What a person may put right at the
 * prompt is each process's own.
 */
export async function leaveFailure(file: string, error: unknown, atMs: number): Promise<void> {
  if (!(error instanceof DevaccessError) || error.exitCode === EXIT.needsPerson) return;
  const { code, message, next, exitCode } = error;
  const failure: Failure = { atMs, code, message, next, exitCode };
  try {
    await editFile(file, () => `${JSON.stringify(failure)}\n`);
  } catch {
    // Then each finds out for itself.
  }
}

/** The error that was left at or after a moment; undefined without one. */
export function failureSince(file: string, sinceMs: number): DevaccessError | undefined {
  try {
    const failure = JSON.parse(readTextFile(file) ?? '') as Partial<Failure>;
    const { atMs = -Infinity, code, message, next, exitCode } = failure;
    if (atMs < sinceMs || code === undefined || message === undefined) return undefined;
    return new DevaccessError(code, message, {
      ...(next === undefined ? {} : { next }),
      ...(exitCode === undefined ? {} : { exitCode }),
    });
  } catch {
    return undefined;
  }
}
