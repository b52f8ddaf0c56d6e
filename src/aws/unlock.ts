/** Long-term keys in an encrypted file, for processes that do not ask the person themselves. */
import { askpassProgram } from '../platform/askpass.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { withFileLock } from '../platform/file-lock.ts';
import { hasTerminal } from '../platform/has-terminal.ts';
import { ownProgram } from '../platform/own-program.ts';
import { awsCredentialsFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { hasGivenPassphrase } from '../platform/secrets/passphrase.ts';
import type { KeyPointer } from './key-pointer.ts';
import { readSecretText } from './long-term-secret.ts';
import type { LongTermSecret } from './long-term-secret.ts';
import { PATIENCE_MS, runForPerson } from './person-command.ts';
import type { PersonAnswer } from './person-command.ts';
import { promptPlace, recentRefusal, writeOutcome } from './prompt-outcome.ts';

export interface UnlockRequest {
  /** Of the credentials file. */
  section: string;
  pointer: KeyPointer;
  env: Environment;
  /** How long a prompt that came to nothing counts. */
  coolDownMs: number;
}

/**
 * Has `devaccess login unlock` open the file, which asks for the passphrase on the terminal or with
 * SSH_ASKPASS, unless the person has set where it comes from. One process asks at a time.
 *
 * @throws DevaccessError DA_PASSPHRASE_NEEDED (exit 3) where nobody can be asked, or was asked in
 *   vain; those of `devaccess login unlock`
 */
export async function unlockedByPerson(request: UnlockRequest): Promise<LongTermSecret> {
  const { section, env, coolDownMs } = request;
  if (hasGivenPassphrase(env)) return secretIn(await unlock(request, undefined), request);
  const isTerminal = hasTerminal();
  const askpass = askpassProgram(env, isTerminal);
  if (!isTerminal && askpass === undefined) {
    throw needed(section, 'there is no terminal to ask for the passphrase on');
  }
  const place = promptPlace('passphrase-prompt', awsCredentialsFile(env), env);
  const askAlone = async (): Promise<LongTermSecret> => {
    const refusal = recentRefusal(place, coolDownMs);
    if (refusal !== undefined) throw needed(section, declined(refusal));
    const answer = await unlock(request, askpass);
    if (!answer.ok)
      writeOutcome(place, { outcome: 'refused', atMs: Date.now(), why: answer.message });
    return secretIn(answer, request);
  };
  return withFileLock(`${place}.lock`, askAlone, { waitMs: PATIENCE_MS + 10_000 });
}

function unlock({ section, env }: UnlockRequest, askpass: string | undefined) {
  const args = ['login', 'unlock', '--json', '--section', section];
  return runForPerson({ command: [...ownProgram(), ...args], env, askpass });
}

function secretIn(answer: PersonAnswer, { section, pointer }: UnlockRequest): LongTermSecret {
  if (answer.ok) return readSecretText(answer.text, pointer, 'the encrypted file');
  const { code, message, next } = answer;
  if (code === 'DA_CANCELLED') throw needed(section, declined(message));
  throw new DevaccessError(code, message, {
    exitCode: EXIT.needsPerson,
    ...(next === undefined ? {} : { next }),
  });
}

function declined(why: string): string {
  return `asking for its passphrase came to nothing: ${why}`;
}

function needed(section: string, why: string): DevaccessError {
  return new DevaccessError(
    'DA_PASSPHRASE_NEEDED',
    `The long-term key of [${section}] is in an encrypted file; ${why}`,
    {
      next: 'run it in a terminal, or set DEVACCESS_PASSPHRASE_FILE (docs/secret-storage.md)',
      exitCode: EXIT.needsPerson,
    },
  );
}
