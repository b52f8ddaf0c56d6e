import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DevaccessError } from './errors.ts';
import { errorCode, fileError } from './file-errors.ts';
import { withFileLock } from './file-lock.ts';
import { resolveTarget } from './file-target.ts';

export interface EditOptions {
  /**
   * `private`: the result is 0600 or stricter, wider bits are taken away. `keep`: an existing
   * file keeps its mode. A new file is 0600 either way. Bits and a group: the result has exactly these bits and
   * this group, for a reader who is not its owner. Default `private`.
   */
  mode?: 'private' | 'keep' | { readonly bits: number; readonly gid: number };
  /** `binary` hands each byte as one character, for files that need not be UTF-8. Default `utf8`. */
  encoding?: 'utf8' | 'binary';
  /** Default `<real path>.devaccess.lock`. */
  lockPath?: string;
  /** What the person can do where the file must not be written. */
  advice?: string;
  /**
   * Called after the new bytes are on disk beside the file and before they take its place:
   * where a test lets a foreign writer in.
   */
  beforeReplace?: () => void;
}

export interface EditResult {
  /** The file that was written: a symlink's target; where nothing was, the path as given. */
  path: string;
  outcome: 'created' | 'changed' | 'unchanged';
  /** The former permission bits, where group or other bits were taken away. */
  tightenedFrom: number | undefined;
}

const MAX_TRIES = 5;
/** A foreign writer that truncates and rewrites is given this long to finish. */
const UNSETTLED_MS = 1_000;

/** One reading of a file, with all that tells whether it is still the same. */
interface Snapshot {
  text: string;
  /** Undefined for a file that does not exist. */
  identity: string | undefined;
  stats: fs.BigIntStats | undefined;
}

/**
 * Changes a file losslessly for everyone who reads it: readers see the old bytes or the new ones,
 * never a part. Under our lock, with compare-and-swap against writers that do not lock: if the
 * file changed meanwhile, `edit` runs again on the new text (2.4 of the credentials facts).
 *
 * @param edit pure function from the present text (empty for a missing file) to the wanted one;
 *   returning the same text leaves the file, its times and mode alone
 * @throws DevaccessError of `edit`; DA_FILE_BUSY, DA_FILE_NOT_WRITABLE, DA_FILE_ENCODING and those
 *   of `resolveTarget`
 */
export async function editFile(
  path: string,
  edit: (text: string) => string,
  options: EditOptions = {},
): Promise<EditResult> {
  try {
    // Nothing to do needs no lock, no writable folder and no file of one's own.
    if (isAsWanted(path, edit, options)) return unchanged(path);
    const realPath = resolveTarget(path, options.advice);
    makeFolder(dirname(realPath));
    const lockPath = options.lockPath ?? `${realPath}.devaccess.lock`;
    return await withFileLock(lockPath, () => editLocked(realPath, edit, options));
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

/**
 * Tells, before anything costly is done, whether `editFile` would be allowed to write.
 *
 * @throws DevaccessError DA_FILE_NOT_WRITABLE and those of `resolveTarget`
 */
export function checkEditable(path: string, { advice }: EditOptions = {}): void {
  try {
    let folder = dirname(resolveTarget(path, advice));
    while (!fs.existsSync(folder)) folder = dirname(folder);
    fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

/**
 * Makes a folder 0700, and those above it. One that root makes belongs to whom the folder above
 * belongs to: `sudo` may keep HOME, and the person must be able to read what is in it.
 */
export function makeFolder(path: string): void {
  if (fs.existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    fs.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    return;
  }
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = fs.statSync(dirname(path));
  fs.lchownSync(path, uid, gid);
}

/**
 * Reads a text file for use, not for editing; undefined when there is none.
 *
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_ENCODING
 */
export function readTextFile(path: string, options: EditOptions = {}): string | undefined {
  try {
    const snapshot = read(path, options);
    return snapshot.identity === undefined ? undefined : snapshot.text;
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

/** From the temporary file to the rename all is synchronous, so that no signal comes in between. */
async function editLocked(
  path: string,
  edit: (text: string) => string,
  options: EditOptions,
): Promise<EditResult> {
  removeOrphans(path);
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const before = await readSettled(path, edit, options);
    const text = edit(before.text);
    if (text === before.text) return unchanged(path);
    const temporary = writeBeside(path, text, before, options);
    try {
      options.beforeReplace?.();
      if (read(path, options).identity !== before.identity) continue;
      await replace(temporary, path);
    } finally {
      fs.rmSync(temporary, { force: true });
    }
    syncDirectory(dirname(path));
    return {
      path,
      outcome: before.identity === undefined ? 'created' : 'changed',
      tightenedFrom: tightened(before, options),
    };
  }
  throw new DevaccessError('DA_FILE_BUSY', `Another program keeps changing ${path}`, {
    next: 'run the command again when it is done',
  });
}

/**
 * Programs that truncate and rewrite in place leave an empty or half file for a moment. A file
 * touched just now that `edit` refuses, or that is empty, is read again until it settles.
 */
async function readSettled(
  path: string,
  edit: (text: string) => string,
  options: EditOptions,
): Promise<Snapshot> {
  const deadlineMs = Date.now() + UNSETTLED_MS;
  for (;;) {
    const snapshot = read(path, options);
    if (snapshot.stats === undefined) return snapshot;
    const isSuspect = snapshot.text === '' || isRefused(edit, snapshot);
    const isFresh = Date.now() - Number(snapshot.stats.mtimeMs) < UNSETTLED_MS;
    if (!isSuspect || !isFresh || Date.now() >= deadlineMs) return snapshot;
    await sleep(25);
  }
}

function isAsWanted(path: string, edit: (text: string) => string, options: EditOptions): boolean {
  try {
    const { text } = read(path, options);
    return edit(text) === text;
  } catch {
    // Said when it is really tried.
    return false;
  }
}

function isRefused(edit: (text: string) => string, { text }: Snapshot): boolean {
  try {
    edit(text);
    return false;
  } catch {
    return true;
  }
}

function read(path: string, options: EditOptions): Snapshot {
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, 'r');
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return { text: '', identity: undefined, stats: undefined };
  }
  try {
    const stats = fs.fstatSync(descriptor, { bigint: true });
    const bytes = fs.readFileSync(descriptor);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const identity = [stats.dev, stats.ino, stats.size, stats.mtimeNs, digest].join(':');
    return { text: decode(bytes, path, options), identity, stats };
  } finally {
    fs.closeSync(descriptor);
  }
}

function decode(bytes: Buffer, path: string, options: EditOptions): string {
  if (options.encoding === 'binary') return bytes.toString('latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new DevaccessError('DA_FILE_ENCODING', `${path} is not valid UTF-8`, {
      next: 'convert the file to UTF-8',
      cause: error,
    });
  }
}

/** Our temporary files: hidden, so that no `Include dir/*` of ssh ever reads one. */
function temporaryPrefix(path: string): string {
  return `.${basename(path)}.devaccess-`;
}

/** Only the lock's holder has a temporary file: whatever lies there was left by a killed process. */
function removeOrphans(path: string): void {
  const folder = dirname(path);
  for (const name of fs.readdirSync(folder)) {
    if (name.startsWith(temporaryPrefix(path)) && name.endsWith('.tmp')) {
      fs.rmSync(join(folder, name), { force: true });
    }
  }
}

function writeBeside(path: string, text: string, before: Snapshot, options: EditOptions): string {
  const name = `${temporaryPrefix(path)}${randomBytes(8).toString('hex')}.tmp`;
  const temporary = join(dirname(path), name);
  const descriptor = fs.openSync(temporary, 'wx', 0o600);
  try {
    // Owner first: the mode is only widened for the owner it is meant for.
    const wanted = before.stats ?? fs.statSync(dirname(path), { bigint: true });
    keepOwner(descriptor, wanted);
    const { mode } = options;
    if (typeof mode === 'object') fs.fchownSync(descriptor, Number(wanted.uid), mode.gid);
    fs.fchmodSync(descriptor, wantedMode(before, options));
    fs.writeFileSync(descriptor, text, options.encoding === 'binary' ? 'latin1' : 'utf8');
    fs.fsyncSync(descriptor);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
  return temporary;
}

/** Root writes for whom the file belongs to, or for a new one, its folder. */
function keepOwner(descriptor: number, wanted: fs.BigIntStats): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = fs.fstatSync(descriptor, { bigint: true });
  if (wanted.uid === uid && wanted.gid === gid) return;
  fs.fchownSync(descriptor, Number(wanted.uid), Number(wanted.gid));
}

function wantedMode({ stats }: Snapshot, { mode }: EditOptions): number {
  if (typeof mode === 'object') return mode.bits;
  if (stats === undefined) return 0o600;
  const present = Number(stats.mode) & 0o777;
  return mode === 'keep' ? present : present & 0o600;
}

function tightened(before: Snapshot, options: EditOptions): number | undefined {
  if (before.stats === undefined || process.platform === 'win32') return undefined;
  const present = Number(before.stats.mode) & 0o777;
  return present === wantedMode(before, options) ? undefined : present;
}

/** Windows refuses to rename over a file somebody has open; it usually passes within moments. */
async function replace(from: string, to: string): Promise<void> {
  const deadlineMs = Date.now() + 2_000;
  for (let waitMs = 10; ; waitMs *= 2) {
    try {
      fs.renameSync(from, to);
      return;
    } catch (error) {
      const isHeld = ['EPERM', 'EBUSY', 'EACCES'].includes(errorCode(error) ?? '');
      if (process.platform !== 'win32' || !isHeld || Date.now() > deadlineMs) throw error;
    }
    await sleep(waitMs);
  }
}

/** The rename itself must survive a power cut; not every file system can sync a folder. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(descriptor);
  } catch (error) {
    if (errorCode(error) !== 'EINVAL' && errorCode(error) !== 'ENOTSUP') throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

function unchanged(path: string): EditResult {
  return { path, outcome: 'unchanged', tightenedFrom: undefined };
}
