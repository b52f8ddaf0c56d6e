import { randomBytes } from 'node:crypto';
import {
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, fileError } from './file-errors.ts';
import { DevaccessError } from './errors.ts';
import { processExists, startTicks } from './process-identity.ts';
import { withSignalCleanup } from './signals.ts';

/** Who holds a lock: enough to tell a live holder from one that was killed. */
interface LockHolder {
  pid: number;
  host: string;
  /** Start time of the process in kernel ticks (Linux), against a reused process id. */
  startTicks: string | null;
  /** Tells two locks of one process apart. */
  token: string;
}

export interface LockOptions {
  /** How long to wait for another holder, in milliseconds. Default 15 000. */
  waitMs?: number;
  /** Ends the waiting; the work itself has to heed it on its own. */
  signal?: AbortSignal | undefined;
}

/** A lock file that cannot be read as one is given this long to be completed by its creator. */
const INCOMPLETE_GRACE_MS = 2_000;
/** Of randomness, in the name under which a stale lock is taken away. */
const ASIDE_BYTES = 6;

/**
 * Runs `work` while holding the lock file `path`, created exclusively (2.4 of the credentials
 * facts). A lock whose process is gone on this host is taken over; Ctrl-C gives ours back.
 *
 * @throws DevaccessError DA_FILE_BUSY when another process keeps the lock longer than `waitMs`; the
 *   signal's reason where it ended the waiting
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const mine = await acquire(path, options);
  try {
    return await withSignalCleanup(() => release(path, mine), work);
  } finally {
    release(path, mine);
  }
}

async function acquire(path: string, { waitMs = 15_000, signal }: LockOptions): Promise<string> {
  const mine = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    startTicks: startTicks('self'),
    token: randomBytes(8).toString('hex'),
  } satisfies LockHolder);
  const deadlineMs = Date.now() + waitMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 });
      removeOrphans(path);
      return mine;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const found = readLock(path);
    if (found !== undefined && isStale(path, found)) {
      takeAway(path, found);
      continue;
    }
    if (Date.now() >= deadlineMs) {
      throw new DevaccessError('DA_FILE_BUSY', `Another devaccess holds ${path}`, {
        next: 'wait for it to finish, then run the command again',
      });
    }
    // Jitter, so that many waiting processes do not wake together.
    await sleep(10 + Math.random() * 40);
  }
}

function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    // Such as one that root's devaccess left: the file it locks is not to blame.
    throw fileError(error, 'read', path);
  }
}

function isStale(path: string, content: string): boolean {
  const holder = parseHolder(content);
  if (holder === undefined) {
    try {
      return Date.now() - statSync(path).mtimeMs > INCOMPLETE_GRACE_MS;
    } catch {
      return false;
    }
  }
  if (holder.host !== hostname()) return false;
  if (!processExists(holder.pid)) return true;
  const ticks = startTicks(holder.pid);
  return holder.startTicks !== null && ticks !== null && ticks !== holder.startTicks;
}

/**
 * Removes a stale lock by rename, then makes sure it was that one: between reading and renaming,
 * another process may have taken it over, and its fresh lock is put back.
 */
function takeAway(path: string, stale: string): void {
  const aside = `${path}.${randomBytes(ASIDE_BYTES).toString('hex')}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  try {
    if (readFileSync(aside, 'utf8') !== stale) linkSync(aside, path);
  } catch (error) {
    // Or it was cleared away as an orphan: it was stale, then.
    if (errorCode(error) !== 'EEXIST' && errorCode(error) !== 'ENOENT') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Clears away stale locks that a killed process had taken away; it can wait for the next one. */
function removeOrphans(path: string): void {
  const prefix = `${basename(path)}.`;
  try {
    for (const name of readdirSync(dirname(path))) {
      if (!name.startsWith(prefix) || name.length !== prefix.length + 2 * ASIDE_BYTES) continue;
      const orphan = join(dirname(path), name);
      if (isStale(orphan, readFileSync(orphan, 'utf8'))) rmSync(orphan);
    }
  } catch {
    // Another process was faster, or may do what this one may not.
  }
}

function release(path: string, mine: string): void {
  if (readLock(path) === mine) unlinkSync(path);
}

function parseHolder(content: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(content) as Partial<LockHolder> | null;
    return typeof holder?.pid === 'number' && typeof holder.host === 'string'
      ? { token: '', startTicks: null, ...holder, pid: holder.pid, host: holder.host }
      : undefined;
  } catch {
    return undefined;
  }
}
