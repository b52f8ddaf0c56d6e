import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DevaccessError } from './errors.ts';
import { errorCode, fileError } from './file-errors.ts';

export interface TrustRules {
  maxBytes: number;
  /** Users it may belong to, and the folders above it. Default: root, and who runs this. */
  owners?: readonly number[];
}

export interface TrustedFile {
  text: string;
  stats: Stats;
}

/**
 * Reads a file that nobody but its owner can have written or put in its place: a regular one, no
 * link, of root or of oneself, which no group and no others may write, in folders of which the same
 * holds. Undefined when there is none.
 *
 * @throws DevaccessError DA_FILE_UNTRUSTED, DA_FILE_TOO_LARGE, DA_FILE_NOT_READABLE
 */
export function readTrustedFile(path: string, rules: TrustRules): TrustedFile | undefined {
  let descriptor: number | undefined;
  try {
    // Not to wait for the other end of a pipe, and not to follow a link. Windows has neither.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    descriptor = openSync(path, flags);
    const stats = fstatSync(descriptor);
    const owners = rules.owners ?? trustedUsers();
    checkFile(path, stats, owners);
    for (const folder of foldersAbove(path)) checkFolder(path, folder, owners);
    return { text: readBytes(descriptor, path, rules.maxBytes).toString('utf8'), stats };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    // EMLINK is how FreeBSD says it.
    if (['ELOOP', 'EMLINK'].includes(errorCode(error) ?? '')) {
      throw untrusted(path, 'it is a symbolic link', 'remove the link, and name the file itself');
    }
    // A socket, or a device without a driver.
    if (errorCode(error) === 'ENXIO') throw untrusted(path, 'it is no regular file');
    throw fileError(error, 'read', path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * Whether only trusted users can put anything into a folder: in it, the sticky bit is not enough, as others
 * could be there first.
 *
 * @throws DevaccessError DA_FILE_UNTRUSTED
 */
export function checkTrustedFolder(path: string, owners = trustedUsers()): void {
  for (const folder of [path, ...foldersAbove(path)]) checkFolder(path, folder, owners);
  const stats = statSync(path);
  if (process.geteuid !== undefined && (stats.mode & 0o022) !== 0) {
    const why = `others may make files in it (mode ${octal(stats)})`;
    throw untrusted(path, why, 'choose a folder of its own');
  }
}

/**
 * Whether what is at a path was put there by a trusted user, and is nobody else's; nothing there is, too.
 *
 * @throws DevaccessError DA_FILE_UNTRUSTED
 */
export function checkTrustedFile(path: string, owners = trustedUsers()): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats !== undefined) checkFile(path, stats, owners);
}

function trustedUsers(): number[] {
  return [0, process.geteuid?.() ?? 0];
}

function checkFile(path: string, stats: Stats, owners: readonly number[]): void {
  if (!stats.isFile()) throw untrusted(path, 'it is no regular file');
  if (process.geteuid === undefined) return;
  if (!owners.includes(stats.uid)) {
    throw untrusted(path, `it belongs to the user ${stats.uid}`, 'find out who put it there');
  }
  if ((stats.mode & 0o022) !== 0) {
    throw untrusted(path, `others may write to it (mode ${octal(stats)})`, `chmod go-w '${path}'`);
  }
}

/** Others may make files of their own where the sticky bit keeps them from replacing ours. */
function checkFolder(path: string, folder: string, owners: readonly number[]): void {
  if (process.geteuid === undefined) return;
  const stats = statSync(folder);
  if (!owners.includes(stats.uid)) {
    throw untrusted(path, `the folder ${folder} belongs to the user ${stats.uid}`);
  }
  if ((stats.mode & 0o022) !== 0 && (stats.mode & 0o1000) === 0) {
    const why = `others may write in ${folder} (mode ${octal(stats)})`;
    throw untrusted(path, why, `chmod go-w '${folder}'`);
  }
}

/** As the path names them, and as they really are: a link among them may be anybody's. */
function foldersAbove(path: string): Set<string> {
  const named = dirname(resolve(path));
  return new Set([...withParents(named), ...withParents(realpathSync(named))]);
}

function withParents(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...withParents(parent)];
}

function readBytes(descriptor: number, path: string, maxBytes: number): Buffer {
  const bytes = Buffer.alloc(maxBytes + 1);
  let size = 0;
  for (let count = -1; count !== 0 && size < bytes.length; size += count) {
    count = readSync(descriptor, bytes, size, bytes.length - size, null);
  }
  if (size <= maxBytes) return bytes.subarray(0, size);
  throw new DevaccessError('DA_FILE_TOO_LARGE', `${path} is larger than ${maxBytes} bytes`, {
    next: 'check the path: it is not the file that was meant',
  });
}

function octal({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function untrusted(path: string, why: string, next = 'look who put it there'): DevaccessError {
  return new DevaccessError('DA_FILE_UNTRUSTED', `${path} is not to be trusted: ${why}`, { next });
}
