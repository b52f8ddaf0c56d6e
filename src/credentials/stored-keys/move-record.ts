/**
 * What is being done to a key, kept in the state folder while it is done, without a secret: after a
 * crash it tells the next run what is left to do (docs/secret-storage.md).
 */
import { createHash } from 'node:crypto';
import { readdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileError } from '../../platform/file-errors.ts';
import { withFileLock } from '../../platform/file-lock.ts';
import { awsCredentialsFile, stateDirectory } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { editFile, makeFolder, readTextFile } from '../../platform/safe-file.ts';
import type { KeySpot } from './key-section.ts';

export interface MoveRecord {
  section: string;
  /** Undefined for a key that the person has typed. */
  from?: KeySpot | undefined;
  to: KeySpot;
  /** `keyDigest` of the key. */
  digest: string;
  hasTotp: boolean;
  /** The copy in the new place has been read back. */
  isVerified: boolean;
  /** What else is written into the section; null removes. */
  extra: Readonly<Record<string, string | null>>;
}

/**
 * Runs `work` while no other process moves keys of this credentials file.
 *
 * @throws DevaccessError DA_FILE_BUSY
 */
export async function withKeyLock<T>(
  env: Environment,
  work: () => Promise<T>,
  waitMs = 60_000,
): Promise<T> {
  const folder = join(stateDirectory(env), 'locks');
  try {
    makeFolder(folder);
  } catch (error) {
    throw fileError(error, 'write', folder);
  }
  return withFileLock(join(folder, `keys-${digestOf(realPath(env))}.lock`), work, { waitMs });
}

/** Records of the credentials file, in no order. What is no record is passed over. */
export function readMoveRecords(env: Environment): MoveRecord[] {
  const prefix = recordPrefix(env);
  const folder = recordFolder(env);
  return namesIn(folder).flatMap((name) => {
    if (!name.startsWith(prefix) || !name.endsWith('.json')) return [];
    const record = parsed(readTextFile(join(folder, name)) ?? '');
    return record === undefined ? [] : [record];
  });
}

export async function writeMoveRecord(record: MoveRecord, env: Environment): Promise<void> {
  await editFile(recordPath(record, env), () => `${JSON.stringify(record)}\n`);
}

export function removeMoveRecord(record: MoveRecord, env: Environment): void {
  rmSync(recordPath(record, env), { force: true });
}

/** A name for what is noted about the key of a section of the credentials file. */
export function recordName(section: string, env: Environment): string {
  return `${recordPrefix(env)}${digestOf(section)}`;
}

function recordFolder(env: Environment): string {
  return join(stateDirectory(env), 'key-moves');
}

function recordPrefix(env: Environment): string {
  return `${digestOf(realPath(env))}-`;
}

function recordPath({ section }: MoveRecord, env: Environment): string {
  return join(recordFolder(env), `${recordName(section, env)}.json`);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function parsed(text: string): MoveRecord | undefined {
  try {
    const record = JSON.parse(text) as Partial<MoveRecord>;
    const { section, from, to, digest, extra } = record;
    const isOne =
      typeof section === 'string' &&
      typeof digest === 'string' &&
      typeof extra === 'object' &&
      isSpot(to) &&
      (from === undefined || isSpot(from));
    return isOne ? (record as MoveRecord) : undefined;
  } catch {
    return undefined;
  }
}

function isSpot(value: unknown): value is KeySpot {
  const { place, entry } = (value ?? {}) as { place?: unknown; entry?: unknown };
  if (place === 'plain') return true;
  return (place === 'keychain' || place === 'file') && typeof entry === 'string';
}

function realPath(env: Environment): string {
  const file = awsCredentialsFile(env);
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
