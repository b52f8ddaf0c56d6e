/**
 * What is being done to an access key, kept in the state folder (0600, no secret) from before the first
 * step until after the last: any later run goes on with it, or takes it back (docs/iam.md).
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DevaccessError } from '../../platform/errors.ts';
import { fileError } from '../../platform/file-errors.ts';
import { withFileLock } from '../../platform/file-lock.ts';
import { stateDirectory } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { editFile, makeFolder, readTextFile } from '../../platform/safe-file.ts';
import type { SecretStore } from '../../platform/secrets/secret-store.ts';
import type { KeyPlace } from '../stored-keys/key-places.ts';
import { recordName } from '../stored-keys/move-record.ts';

/**
 * - `creating`: IAM may have made the new key; its secret is nowhere.
 * - `created`: its secret is where it will be kept, or in the recovery file.
 * - `written`: the section names the new key.
 * - `deactivated`: the old key is inactive, and waits for its deletion.
 */
export type RotationStep = 'creating' | 'created' | 'written' | 'deactivated';

export const ROTATION_STEPS: readonly RotationStep[] = [
  'creating',
  'created',
  'written',
  'deactivated',
];

/** A key, and the name under which its secret is kept meanwhile. */
export interface JournalKey {
  accessKeyId: string;
  entry: string;
}

export interface RotationJournal {
  version: 1;
  section: string;
  step: RotationStep;
  /** It is being taken back; this cannot be changed any more. */
  isAborted: boolean;
  /** Name and ARN of the user. */
  user: string;
  arn: string;
  place: KeyPlace;
  startedMs: number;
  old: JournalKey;
  /** From `created` on. */
  new: JournalKey | null;
  /** Of `deactivated`. */
  deactivatedMs: number | null;
}

/** @throws DevaccessError DA_ROTATION_DAMAGED for a file that is no journal of ours */
export function readJournal(section: string, env: Environment): RotationJournal | undefined {
  const path = journalPath(section, env);
  const text = readTextFile(path);
  if (text === undefined) return undefined;
  const journal = parsed(text);
  if (journal?.section === section) return journal;
  throw new DevaccessError('DA_ROTATION_DAMAGED', `${path} cannot be read as the journal it is`, {
    next: 'look in IAM which keys the user has and which is in use, then remove the file',
  });
}

export async function writeJournal(journal: RotationJournal, env: Environment): Promise<void> {
  const text = `${JSON.stringify(journal, null, 2)}\n`;
  await editFile(journalPath(journal.section, env), () => text);
}

export function removeJournal(section: string, env: Environment): void {
  rmSync(journalPath(section, env), { force: true });
}

/** @throws DevaccessError DA_FILE_BUSY while another process rotates the key of the section */
export async function withRotationLock<T>(
  section: string,
  env: Environment,
  work: () => Promise<T>,
): Promise<T> {
  const path = journalPath(section, env);
  try {
    makeFolder(folderOf(env));
  } catch (error) {
    throw fileError(error, 'write', path);
  }
  return withFileLock(path.replace(/json$/, 'lock'), work, { waitMs: 1_000 });
}

/**
 * For a key in plain text: where the new secret is before the section has it, and the old one after that,
 * so that nothing is lost whatever happens. 0600, and gone when the rotation is done.
 */
export class RecoveryFile implements SecretStore {
  readonly label: string;
  readonly #path: string;

  constructor(section: string, env: Environment) {
    this.#path = journalPath(section, env).replace(/json$/, 'keys');
    this.label = this.#path;
  }

  prepare = (): Promise<void> => Promise.resolve();

  read(name: string): Promise<string | undefined> {
    return Promise.resolve(this.#keys(readTextFile(this.#path) ?? '')[name]);
  }

  async write(name: string, secret: string): Promise<void> {
    await editFile(this.#path, (text) => JSON.stringify({ ...this.#keys(text), [name]: secret }));
  }

  async remove(name: string): Promise<void> {
    if (!existsSync(this.#path)) return;
    const { [name]: _removed, ...left } = this.#keys(readTextFile(this.#path) ?? '');
    if (Object.keys(left).length === 0) rmSync(this.#path, { force: true });
    else await editFile(this.#path, () => JSON.stringify(left));
  }

  #keys(text: string): Record<string, string> {
    if (text === '') return {};
    try {
      return JSON.parse(text) as Record<string, string>;
    } catch (error) {
      throw new DevaccessError('DA_ROTATION_DAMAGED', `${this.#path} is not as it was written`, {
        next: 'look in IAM which keys the user has and which is in use',
        cause: error,
      });
    }
  }
}

function folderOf(env: Environment): string {
  return join(stateDirectory(env), 'key-rotations');
}

function journalPath(section: string, env: Environment): string {
  return join(folderOf(env), `${recordName(section, env)}.json`);
}

function parsed(text: string): RotationJournal | undefined {
  try {
    const journal = JSON.parse(text) as Partial<RotationJournal>;
    const { version, section, step, place, old, user, arn, startedMs, deactivatedMs } = journal;
    const isOne =
      version === 1 &&
      [section, place, user, arn].every((part) => typeof part === 'string') &&
      step !== undefined &&
      ROTATION_STEPS.includes(step) &&
      typeof startedMs === 'number' &&
      (step === 'deactivated' ? typeof deactivatedMs === 'number' : true) &&
      isKey(old) &&
      (step === 'creating' || isKey(journal.new));
    return isOne ? (journal as RotationJournal) : undefined;
  } catch {
    return undefined;
  }
}

function isKey(key: JournalKey | null | undefined): boolean {
  return typeof key?.accessKeyId === 'string' && typeof key.entry === 'string';
}
