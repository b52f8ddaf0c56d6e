import { lstatSync, realpathSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from './file-errors.ts';
import { DevaccessError } from './errors.ts';

/**
 * Finds the file an edit must write, following a symlink at `path` only where that is safe
 * (2.4): nobody else can have chosen the target, and the link itself is never replaced.
 *
 * @returns the path to write: a symlink's target, else the path itself
 * @param advice what the person can do where the file must not be written
 * @throws DevaccessError DA_UNSAFE_LINK for a symlink that must not be written through
 * @throws DevaccessError DA_NOT_A_FILE, DA_HARD_LINKED, DA_FOREIGN_OWNER for a file that must not
 *   be replaced by rename
 */
export function resolveTarget(path: string, advice = 'make it a file of your own'): string {
  const own = lstatOrUndefined(path);
  if (own === undefined) return path;
  const realPath = own.isSymbolicLink() ? followLink(path, advice) : path;
  const stats = own.isSymbolicLink() ? statSync(realPath) : own;
  if (!stats.isFile()) {
    throw new DevaccessError('DA_NOT_A_FILE', `${path} is not a regular file`, { next: advice });
  }
  if (stats.nlink > 1) {
    throw new DevaccessError(
      'DA_HARD_LINKED',
      `${realPath} has ${stats.nlink} hard links; replacing it would split them`,
      { next: `make it a file of its own (cp it aside and mv it back)` },
    );
  }
  const uid = process.geteuid?.();
  if (uid !== undefined && uid !== 0 && stats.uid !== uid) {
    throw new DevaccessError('DA_FOREIGN_OWNER', `${realPath} belongs to another user`, {
      next: advice,
    });
  }
  return realPath;
}

function followLink(path: string, advice: string): string {
  const refuse = (why: string, next = advice): DevaccessError =>
    new DevaccessError('DA_UNSAFE_LINK', `${path} is a symbolic link that is not safe: ${why}`, {
      next,
    });
  let target: string;
  let stats: Stats;
  try {
    target = realpathSync(path);
    stats = statSync(target);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') throw refuse('its target does not exist');
    if (code === 'ELOOP') throw refuse('it leads in a circle');
    throw refuse('its target cannot be reached');
  }
  if (!stats.isFile()) throw refuse(`${target} is not a regular file`);
  if (process.geteuid !== undefined && stats.uid !== process.geteuid()) {
    throw refuse(`${target} belongs to another user`);
  }
  const open = [target, path].flatMap(parents).find(isOpenToOthers);
  if (open !== undefined) throw refuse(`others may write in ${open}`, `chmod go-w '${open}'`);
  return target;
}

function parents(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...parents(parent)];
}

/** Group- or world-writable without the sticky bit: anyone there could swap the file. */
function isOpenToOthers(directory: string): boolean {
  if (process.platform === 'win32') return false;
  const { mode } = statSync(directory);
  return (mode & 0o022) !== 0 && (mode & 0o1000) === 0;
}

function lstatOrUndefined(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
