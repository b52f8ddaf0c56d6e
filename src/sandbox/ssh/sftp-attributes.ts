import type { Stats } from 'node:fs';
import { chmod, chown, truncate, utimes } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Attributes } from 'ssh2';

/** A file's attributes as SFTP v3 carries them (draft-ietf-secsh-filexfer-02 §5). */
export function attributesOf(stats: Stats): Attributes {
  return {
    mode: stats.mode,
    uid: stats.uid,
    gid: stats.gid,
    size: stats.size,
    atime: Math.floor(stats.atimeMs / 1000),
    mtime: Math.floor(stats.mtimeMs / 1000),
  };
}

/** Sets those attributes that a client sent; ones it did not send are absent. */
export async function setAttributes(
  target: string | FileHandle,
  attributes: Partial<Attributes>,
): Promise<void> {
  const { size, mode, uid, gid, atime, mtime } = attributes;
  const byPath = typeof target === 'string';
  if (size !== undefined) await (byPath ? truncate(target, size) : target.truncate(size));
  if (mode !== undefined) {
    const permissions = mode & 0o7777;
    await (byPath ? chmod(target, permissions) : target.chmod(permissions));
  }
  if (atime !== undefined && mtime !== undefined) {
    await (byPath ? utimes(target, atime, mtime) : target.utimes(atime, mtime));
  }
  if (uid !== undefined && gid !== undefined) {
    await (byPath ? chown(target, uid, gid) : target.chown(uid, gid));
  }
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const TYPES: Readonly<Record<number, string>> = {
  0o040000: 'd',
  0o120000: 'l',
  0o100000: '-',
  0o060000: 'b',
  0o020000: 'c',
  0o010000: 'p',
  0o140000: 's',
};

/** The `ls -l` line that `sftp` shows for an entry. */
export function longName(name: string, stats: Stats, nowMs: number): string {
  const type = TYPES[stats.mode & 0o170000] ?? '?';
  const bits = Array.from('rwxrwxrwx')
    .map((letter, index) => ((stats.mode & (0o400 >> index)) === 0 ? '-' : letter))
    .join('');
  const date = stats.mtime;
  const day = String(date.getDate()).padStart(2);
  const isRecent = Math.abs(nowMs - stats.mtimeMs) < 182 * 86_400_000;
  const time = isRecent
    ? `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`
    : ` ${String(date.getFullYear())}`;
  const month = MONTHS[date.getMonth()] ?? '';
  const links = String(stats.nlink).padStart(4);
  const owner = `${String(stats.uid).padEnd(8)} ${String(stats.gid).padEnd(8)}`;
  return `${type}${bits} ${links} ${owner} ${String(stats.size).padStart(8)} ${month} ${day} ${time} ${name}`;
}
