import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { DevaccessError } from './errors.ts';
import { fileError } from './file-errors.ts';

/** A file that was named by a person, whatever it is: a regular one, a link, a pipe of the shell. */
export interface BoundedFile {
  /** Its bytes as characters of the same number. */
  text: string;
  stats: Stats;
}

/**
 * Reads a file once, and no more of it than `maxBytes`.
 *
 * @throws DevaccessError DA_FILE_NOT_READABLE; DA_FILE_TOO_LARGE
 */
export function readBounded(path: string, maxBytes: number): BoundedFile {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const stats = fstatSync(descriptor);
    const bytes = Buffer.alloc(maxBytes + 1);
    let size = 0;
    for (let count = -1; count !== 0 && size < bytes.length; size += count) {
      count = readSync(descriptor, bytes, size, bytes.length - size, null);
    }
    if (size <= maxBytes) return { text: bytes.toString('latin1', 0, size), stats };
    throw new DevaccessError('DA_FILE_TOO_LARGE', `${path} is larger than ${maxBytes} bytes`, {
      next: 'check the path: it is not the file that was meant',
    });
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
