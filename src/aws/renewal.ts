/** Expired credentials met by many programs at once: one asks the person, all use the answer. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mfaCommand } from './service-errors.ts';
import { askpassProgram } from '../platform/askpass.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import { withFileLock } from '../platform/file-lock.ts';
import { awsCredentialsFile, stateDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { makeFolder } from '../platform/safe-file.ts';
import { hasTerminal } from '../platform/has-terminal.ts';

/** How long a person may take to find the phone. */
const PATIENCE_MS = 120_000;
/** After a prompt that came to nothing, programs that try again are refused without one. */
export const COOL_DOWN_MS = 60_000;
/** A wait shorter than this is not worth a line. */
const QUIET_WAIT_MS = 1_000;
/** What `devaccess mfa` says of a profile that no code could renew. */
const NOT_BACKED_BY_MFA = new Set([
  'DA_NO_LONG_TERM_KEY',
  'DA_NO_MFA_DEVICE',
  'DA_NO_PROFILE',
  'DA_NO_TERMINAL',
]);

export interface RenewalRequest {
  profile: string;
  env: Environment;
  /** False where the terminal is another program's: only SSH_ASKPASS and DEVACCESS_ASKPASS will do. */
  onTerminal?: boolean;
  /** When the credentials were found expired, in epoch milliseconds. */
  failedAtMs: number;
  /** `devaccess mfa` as program and first arguments. */
  command: readonly [string, ...string[]];
  /** A line for the person. */
  say: (line: string) => void;
  /** Gives up, prompt and all. */
  signal?: AbortSignal;
  /** How long a prompt that came to nothing counts; a person who tries again is no storm. */
  coolDownMs: number;
}

/** How the latest prompt for a profile ended, for those that come after it. */
interface Outcome {
  outcome: 'renewed' | 'refused';
  atMs: number;
  why?: string;
}

/**
 * Has a profile's session renewed by `devaccess mfa`, which asks on the terminal or with
 * SSH_ASKPASS. Of any number of processes one asks; the others wait, and then either go on with
 * what it got or fail as fast as it did.
 *
 * @returns false where nobody can be asked, or a code would not help
 * @throws DevaccessError DA_MFA_DECLINED (exit 3), those of `devaccess mfa`
 */
export async function renewByPerson(request: RenewalRequest): Promise<boolean> {
  const { profile, env, say } = request;
  const isTerminal = request.onTerminal !== false && hasTerminal();
  const program = askpassProgram(env, isTerminal);
  if (!isTerminal && program === undefined) return false;
  const folder = stateDirectory(env);
  makeFolder(folder);
  const place = join(folder, `mfa-prompt-${digest(`${awsCredentialsFile(env)}\n${profile}`)}`);
  const notice = setTimeout(() => {
    say(`waiting for the MFA code of profile ${profile}, which another program asks for`);
  }, QUIET_WAIT_MS);
  try {
    return await withFileLock(
      `${place}.lock`,
      async () => {
        clearTimeout(notice);
        return renewAlone(request, place, program);
      },
      { waitMs: PATIENCE_MS + 10_000 },
    );
  } catch (error) {
    const isBusy = error instanceof DevaccessError && error.code === 'DA_FILE_BUSY';
    throw isBusy ? declined(profile, 'another program has been asking for long') : error;
  } finally {
    clearTimeout(notice);
  }
}

async function renewAlone(
  request: RenewalRequest,
  place: string,
  program: string | undefined,
): Promise<boolean> {
  const { profile, failedAtMs } = request;
  const last = readOutcome(place);
  if (last?.outcome === 'renewed' && last.atMs >= failedAtMs) return true;
  if (last?.outcome === 'refused' && Math.abs(Date.now() - last.atMs) < request.coolDownMs) {
    throw declined(profile, last.why ?? 'it was not given');
  }
  const answer = await runMfa(request, program);
  if (answer.ok) {
    writeOutcome(place, { outcome: 'renewed', atMs: Date.now() });
    return true;
  }
  if (NOT_BACKED_BY_MFA.has(answer.code) || request.signal?.aborted === true) return false;
  writeOutcome(place, { outcome: 'refused', atMs: Date.now(), why: answer.message });
  if (answer.code === 'DA_CANCELLED') throw declined(profile, answer.message);
  throw new DevaccessError(answer.code, answer.message, {
    exitCode: EXIT.needsPerson,
    ...(answer.next === undefined ? {} : { next: answer.next }),
  });
}

type Answer =
  { ok: true } | { ok: false; code: ErrorCode; message: string; next?: string | undefined };

/** Runs `devaccess mfa`; it asks by itself, and its result comes as JSON. */
async function runMfa(
  { profile, env, command, signal }: RenewalRequest,
  askpass: string | undefined,
): Promise<Answer> {
  const [program, ...first] = command;
  const child = spawn(program, [...first, '--json', '--profile', profile], {
    env:
      askpass === undefined ? env : { ...env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = (): void => void child.kill('SIGTERM');
  let ended = 'The prompt was ended';
  const timer = setTimeout(() => {
    ended = `Nobody gave it within ${PATIENCE_MS / 1000} s`;
    stop();
  }, PATIENCE_MS);
  signal?.addEventListener('abort', stop);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  clearTimeout(timer);
  signal?.removeEventListener('abort', stop);
  if (code === 0) return { ok: true };
  return failure(text) ?? { ok: false, code: 'DA_CANCELLED', message: ended };
}

function failure(text: string): Answer | undefined {
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

function declined(profile: string, why: string): DevaccessError {
  return new DevaccessError(
    'DA_MFA_DECLINED',
    `Profile ${profile} needs an MFA code, and asking for it came to nothing: ${why}`,
    { next: `run ${mfaCommand(profile)}`, exitCode: EXIT.needsPerson },
  );
}

function readOutcome(place: string): Outcome | undefined {
  try {
    const found = JSON.parse(readFileSync(`${place}.json`, 'utf8')) as Partial<Outcome>;
    const isOne = found.outcome === 'renewed' || found.outcome === 'refused';
    return isOne && typeof found.atMs === 'number' ? (found as Outcome) : undefined;
  } catch {
    return undefined;
  }
}

/** Under the lock: nobody else writes it meanwhile. */
function writeOutcome(place: string, outcome: Outcome): void {
  const temporary = `${place}.json.new`;
  writeFileSync(temporary, JSON.stringify(outcome), { mode: 0o600 });
  renameSync(temporary, `${place}.json`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
