import type { Stats } from 'node:fs';
import { DevaccessError } from '../platform/errors.ts';
import { readBounded } from '../platform/read-bounded.ts';

const MAX_SECRET_FILE_BYTES = 4096;

/**
 * The first line of a file that holds a passphrase or a PIN: as UTF-8, which is what Node makes of a
 * passphrase for OpenSSL.
 *
 * @param what such as `passphrase`
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_TOO_LARGE; DA_PASSPHRASE_SOURCE for a file
 *   that others can read, or that is empty
 */
export function readSecretLine(file: string, what: string): string {
  const { text, stats } = readBounded(file, MAX_SECRET_FILE_BYTES);
  const mode = exposedMode(stats);
  if (mode !== undefined) {
    throw new DevaccessError(
      'DA_PASSPHRASE_SOURCE',
      `Others can read the ${what} in ${file} (mode ${mode})`,
      { next: `chmod 600 '${file}'` },
    );
  }
  const utf8 = Buffer.from(text, 'latin1')
    .toString('utf8')
    .replace(/^\ufeff/, '');
  const line = utf8.split(/\r?\n/)[0] ?? '';
  if (line !== '') return line;
  throw new DevaccessError('DA_PASSPHRASE_SOURCE', `The first line of ${file} holds no ${what}`, {
    next: `write the ${what} there, and nothing else`,
  });
}

/**
 * The mode of a secret file that others get at, as OpenSSH judges its keys: one's own must be readable
 * by nobody else; what belongs to another user, such as root, is that user's to protect.
 */
export function exposedMode(stats: Stats): string | undefined {
  if (process.geteuid === undefined || !stats.isFile()) return undefined;
  if (stats.uid !== process.geteuid() || (stats.mode & 0o077) === 0) return undefined;
  return (stats.mode & 0o777).toString(8).padStart(4, '0');
}
