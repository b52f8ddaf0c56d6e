import { chmodSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { DevaccessError } from './errors.ts';
import { fileError } from './file-errors.ts';
import { makeFolder } from './safe-file.ts';

/**
 * Makes a folder that is the user's alone (0700), for what others must neither read nor write. One
 * that was open to others is closed if they could only read it.
 *
 * @throws DevaccessError DA_FOLDER_UNSAFE where somebody else owns it or could have put things there
 */
export function makePrivateFolder(path: string): void {
  try {
    makeFolder(path);
    const stats = lstatSync(path);
    const user = process.geteuid?.();
    if (user === undefined) return;
    // Root makes folders for the person that the folder above belongs to.
    const isOwn = stats.uid === user || (user === 0 && stats.uid === lstatSync(dirname(path)).uid);
    if (!stats.isDirectory() || !isOwn || (stats.mode & 0o022) !== 0) {
      throw new DevaccessError('DA_FOLDER_UNSAFE', `Others could have put things into ${path}`, {
        next: `look what is in it, and remove it`,
      });
    }
    if ((stats.mode & 0o077) !== 0) chmodSync(path, 0o700);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}
