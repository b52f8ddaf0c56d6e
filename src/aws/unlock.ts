/** Long-term keys in an encrypted file, for processes that do not ask the person themselves. */
import { askpassProgram } from '../platform/askpass.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { withFileLock } from '../platform/file-lock.ts';
import { hasTerminal } from '../platform/has-terminal.ts';
import { ownProgram } from '../platform/own-program.ts';
import { awsCredentialsFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { EncryptedFile } from '../platform/secrets/encrypted-file.ts';
import { givenPassphrase, hasGivenPassphrase } from '../platform/secrets/passphrase.ts';
import { keyFilePath } from './key-file-path.ts';
import { answerRequests, requestKey } from './key-handover.ts';
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
 * Opens the file with the passphrase from where the person has set; else has `devaccess login unlock`
 * do it, which asks on the terminal or with SSH_ASKPASS. Of any number of processes one asks; it hands
 * the key to those that wait.
 *
 * @throws DevaccessError DA_PASSPHRASE_NEEDED (exit 3) where nobody can be asked, or was asked in
 *   vain; DA_PASSPHRASE_WRONG, DA_PASSPHRASE_SOURCE, DA_KEY_NOT_STORED, DA_KEY_FILE_DAMAGED
 */
export async function unlockedByPerson(request: UnlockRequest): Promise<LongTermSecret> {
  const { section, pointer, env, coolDownMs } = request;
  if (hasGivenPassphrase(env)) return unlockedWithGiven(request);
  const isTerminal = hasTerminal();
  const askpass = askpassProgram(env, isTerminal);
  if (!isTerminal && askpass === undefined) {
    throw needed(section, 'there is no terminal to ask for the passphrase on');
  }
  const place = promptPlace('passphrase-prompt', awsCredentialsFile(env), env);
  const waiting = requestKey(pointer.entry, env);
  const askAlone = async (): Promise<LongTermSecret> => {
    const handed = waiting.answer();
    if (handed !== undefined) return secretIn({ ok: true, text: handed }, request);
    const refusal = recentRefusal(place, coolDownMs);
    if (refusal !== undefined) throw needed(section, declined(refusal));
    const answer = await unlock(request, askpass);
    if (answer.ok) answerRequests(pointer.entry, answer.text, env);
    else writeOutcome(place, { outcome: 'refused', atMs: Date.now(), why: answer.message });
    return secretIn(answer, request);
  };
  try {
    return await withFileLock(`${place}.lock`, askAlone, { waitMs: PATIENCE_MS + 10_000 });
  } catch (error) {
    const isBusy = error instanceof DevaccessError && error.code === 'DA_FILE_BUSY';
    throw isBusy ? needed(section, declined('another program has been asking for long')) : error;
  } finally {
    waiting.withdraw();
  }
}

/** Nobody has to be asked: the file is opened here. */
async function unlockedWithGiven({ pointer, env }: UnlockRequest): Promise<LongTermSecret> {
  const given = async (): Promise<string> => (await givenPassphrase(env)) ?? '';
  const source = { tries: 1, present: given, chosen: given };
  const file = new EncryptedFile(keyFilePath(env), source);
  return readSecretText(await file.read(pointer.entry), pointer, file.label);
}

function unlock(
  { section, env }: UnlockRequest,
  askpass: string | undefined,
): Promise<PersonAnswer> {
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
