import { lstatSync, unlinkSync } from 'node:fs';
import { errorCode, fileError } from './file-errors.ts';
import { withFileLock } from './file-lock.ts';
import { readTextFile } from './safe-file.ts';

/**
 * Removes a file that is still what it is taken for, under the lock of those who edit it. One that is
 * gone, or a link, is left as it is.
 *
 * @param isMeant judges the text
 * @returns whether it was removed
 * @throws DevaccessError DA_FILE_BUSY, DA_FILE_NOT_WRITABLE, DA_FILE_NOT_READABLE
 */
export async function removeFile(
  path: string,
  isMeant: (text: string) => boolean,
  { lockPath = `${path}.devaccess.lock` } = {},
): Promise<boolean> {
  try {
    if (!isPlainFile(path)) return false;
    return await withFileLock(lockPath, () => {
      const text = readTextFile(path);
      const isRemoved = text !== undefined && isPlainFile(path) && isMeant(text);
      if (isRemoved) unlinkSync(path);
      return Promise.resolve(isRemoved);
    });
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

function isPlainFile(path: string): boolean {
  try {
    return lstatSync(path).isFile();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
