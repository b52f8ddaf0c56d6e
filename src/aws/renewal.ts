/** Expired credentials met by many programs at once: one asks the person, all use the answer. */
import { askpassProgram } from '../platform/askpass.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { withFileLock } from '../platform/file-lock.ts';
import { hasTerminal } from '../platform/has-terminal.ts';
import { awsCredentialsFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { readTextFile } from '../platform/safe-file.ts';
import { TOTP_KEY } from './key-pointer.ts';
import { PATIENCE_MS, runForPerson } from './person-command.ts';
import { promptPlace, readOutcome, recentRefusal, writeOutcome } from './prompt-outcome.ts';
import { mfaCommand } from './service-errors.ts';

export { COOL_DOWN_MS } from './prompt-outcome.ts';

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

/**
 * Has a profile's session renewed by `devaccess mfa`, which asks on the terminal or with
 * SSH_ASKPASS. Of any number of processes one asks; the others wait, and then either go on with
 * what it got or fail as fast as it did.
 *
 * @returns false where nobody can be asked or waits for it any more, or a code would not help
 * @throws DevaccessError DA_MFA_DECLINED (exit 3), those of `devaccess mfa`
 */
export async function renewByPerson(request: RenewalRequest): Promise<boolean> {
  const { profile, env, say } = request;
  const isTerminal = request.onTerminal !== false && hasTerminal();
  const program = askpassProgram(env, isTerminal);
  const canAsk = isTerminal || program !== undefined;
  if (!canAsk && !needsNobody(env)) return false;
  const place = promptPlace('mfa-prompt', `${awsCredentialsFile(env)}\n${profile}`, env);
  const notice = setTimeout(() => {
    say(`waiting for the MFA code of profile ${profile}, which another program asks for`);
  }, QUIET_WAIT_MS);
  try {
    return await withFileLock(
      `${place}.lock`,
      async () => {
        clearTimeout(notice);
        return renewAlone(request, place, { program, canAsk });
      },
      { waitMs: PATIENCE_MS + 10_000, signal: request.signal },
    );
  } catch (error) {
    if (request.signal?.aborted === true) return false;
    const isBusy = error instanceof DevaccessError && error.code === 'DA_FILE_BUSY';
    throw isBusy ? declined(profile, 'another program has been asking for long') : error;
  } finally {
    clearTimeout(notice);
  }
}

async function renewAlone(
  request: RenewalRequest,
  place: string,
  { program, canAsk }: { program: string | undefined; canAsk: boolean },
): Promise<boolean> {
  const { profile, failedAtMs, signal } = request;
  signal?.throwIfAborted();
  const last = readOutcome(place);
  if (last?.outcome === 'renewed' && last.atMs >= failedAtMs) return true;
  const refusal = recentRefusal(place, request.coolDownMs);
  if (refusal !== undefined) throw declined(profile, refusal);
  const { command, env } = request;
  const answer = await runForPerson({
    command: [...command, '--json', '--profile', profile, ...(canAsk ? [] : ['--no-ask'])],
    env,
    askpass: program,
    signal,
  });
  if (answer.ok) {
    writeOutcome(place, { outcome: 'renewed', atMs: Date.now() });
    return true;
  }
  if (NOT_BACKED_BY_MFA.has(answer.code) || signal?.aborted === true) return false;
  writeOutcome(place, { outcome: 'refused', atMs: Date.now(), why: answer.message });
  if (answer.code === 'DA_CANCELLED') throw declined(profile, answer.message);
  throw new DevaccessError(answer.code, answer.message, {
    exitCode: EXIT.needsPerson,
    ...(answer.next === undefined ? {} : { next: answer.next }),
  });
}

function declined(profile: string, why: string): DevaccessError {
  return new DevaccessError(
    'DA_MFA_DECLINED',
    `Profile ${profile} needs an MFA code, and asking for it came to nothing: ${why}`,
    { next: `run ${mfaCommand(profile)}`, exitCode: EXIT.needsPerson },
  );
}

/** Whether a key may be one whose codes devaccess computes, which asks nobody. */
function needsNobody(env: Environment): boolean {
  return readTextFile(awsCredentialsFile(env))?.includes(TOTP_KEY) === true;
}
