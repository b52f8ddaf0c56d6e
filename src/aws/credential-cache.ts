import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { withFileLock } from '../platform/file-lock.ts';
import { stateDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { editFile, makeFolder, readTextFile } from '../platform/safe-file.ts';
import { failureSince, leaveFailure } from './shared-failure.ts';
import type { TemporaryCredentials } from './temporary-credentials.ts';

/** Credentials with less left are fetched anew: botocore wants others from 15 minutes on (3.3). */
const MARGIN_MS = 15 * 60_000;
/** No role's session lasts longer. */
const LONGEST_MS = 12 * 3_600_000;
/** With a clock that is wrong by some hours. */
const LONGEST_KEPT_MS = 2 * LONGEST_MS;
/** Longer than three tries of a service that does not answer take. */
const LOCK_WAIT_MS = 45_000;
/** After a failure, credentials that still last are used this long before anybody is asked again. */
const RETRY_MS = 60_000;

/** Credentials, and when they came from the service. */
export interface KeptCredentials extends TemporaryCredentials {
  obtainedMs: number;
}

interface Entry extends KeptCredentials {
  /** When fetching others failed. */
  failedMs?: number;
}

interface CacheOptions {
  env: Environment;
  now: () => number;
  /** Told why others were not fetched, where those that still last are used; what it throws counts. */
  onKept?: (error: unknown) => void;
}

/**
 * Temporary credentials from the person's state folder (0700, files 0600) while they last, else
 * fetched and kept there. Of many processes at once one fetches and the others take what it got, be
 * it credentials or an error.
 * Where nothing can be kept, such as with a read-only home, they are fetched each time.
 *
 * @param subject all that decides which credentials these are; hashed into the name of the file
 */
export async function keptCredentials(
  subject: readonly string[],
  fetch: () => Promise<TemporaryCredentials>,
  { env, now, onKept }: CacheOptions,
): Promise<KeptCredentials> {
  const folder = join(stateDirectory(env), 'credentials');
  const name = createHash('sha256').update(JSON.stringify(subject)).digest('hex').slice(0, 32);
  const file = join(folder, `${name}.json`);
  const kept = readEntry(file, folder);
  if (kept !== undefined && isGoodEnough(kept, now())) return kept;
  const fetchAlone = async (): Promise<KeptCredentials> => ({
    ...(await fetch()),
    obtainedMs: now(),
  });
  if (!isUsable(folder)) return fetchAlone();
  const lock = { isHeld: false };
  const startedMs = now();
  const refresh = async (): Promise<KeptCredentials> => {
    lock.isHeld = true;
    const present = readEntry(file, folder);
    if (present !== undefined && isGoodEnough(present, now())) return present;
    // Who waited while another tried in vain need not try, too.
    const failure = failureSince(`${file}.failed`, startedMs + 1);
    if (failure !== undefined) throw failure;
    let fetched: KeptCredentials;
    try {
      fetched = await fetchAlone();
    } catch (error) {
      if (present === undefined || present.expirationMs <= now()) {
        await leaveFailure(`${file}.failed`, error, now());
        throw error;
      }
      onKept?.(error);
      // The last minutes of what is there are better than nothing.
      await keep(file, { ...present, failedMs: now() });
      return present;
    }
    await keep(file, fetched);
    return fetched;
  };
  try {
    return await withFileLock(`${file}.lock`, refresh, { waitMs: LOCK_WAIT_MS });
  } catch (error) {
    if (lock.isHeld) throw error;
    // A full disk, or another process that hangs: then without its help.
    return fetchAlone();
  }
}

/** From when on others are fetched, in milliseconds since the epoch. */
export function renewalTimeMs({ obtainedMs, expirationMs }: KeptCredentials): number {
  return expirationMs - Math.min(MARGIN_MS, (expirationMs - obtainedMs) / 2);
}

/** Fresh, or no others to be had a moment ago. */
function isGoodEnough(entry: Entry, nowMs: number): boolean {
  const { obtainedMs, expirationMs, failedMs = -Infinity } = entry;
  // What comes from the future is from a clock that was set back: nobody knows how long it lasts.
  const isFresh = nowMs < renewalTimeMs(entry) && obtainedMs - nowMs < RETRY_MS;
  // A clock that was set back must not keep it for long.
  return isFresh || (expirationMs > nowMs && Math.abs(nowMs - failedMs) < RETRY_MS);
}

/** What goes wrong here must not take from the person what was just fetched. */
async function keep(file: string, entry: Entry): Promise<void> {
  try {
    await editFile(file, () => `${JSON.stringify(entry)}\n`);
    sweep(dirname(file), entry.obtainedMs);
  } catch {
    // It is fetched again next time.
  }
}

function readEntry(file: string, folder: string): Entry | undefined {
  try {
    if (!isPrivate(folder)) return undefined;
    const entry = JSON.parse(readTextFile(file) ?? '') as Partial<Entry>;
    const { accessKeyId, secretAccessKey, sessionToken, expirationMs, obtainedMs } = entry;
    const isWhole =
      [accessKeyId, secretAccessKey].every(isWord) &&
      (sessionToken === '' || isWord(sessionToken)) &&
      typeof expirationMs === 'number' &&
      typeof obtainedMs === 'number';
    // What nobody can have been given is damaged, and must not stay in use until its end.
    const isSound = isWhole && Math.abs(expirationMs - obtainedMs) <= LONGEST_KEPT_MS;
    return isSound ? (entry as Entry) : undefined;
  } catch {
    return undefined;
  }
}

function isWord(value: unknown): boolean {
  return typeof value === 'string' && /^[\x21-\x7e]{1,16384}$/.test(value);
}

function isUsable(folder: string): boolean {
  try {
    makeFolder(folder);
    return isPrivate(folder);
  } catch {
    return false;
  }
}

/** In a folder others can write to, they could lay credentials of theirs. */
function isPrivate(folder: string): boolean {
  const stat = lstatSync(folder);
  if (process.geteuid === undefined) return stat.isDirectory();
  return stat.isDirectory() && stat.uid === process.geteuid() && (stat.mode & 0o077) === 0;
}

function sweep(folder: string, nowMs: number): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const { mtimeMs = nowMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
    const isOld = nowMs - mtimeMs > LONGEST_MS;
    if (isOld) rmSync(path, { force: true });
  }
}
