import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { DevaccessError, printable } from '../../platform/errors.ts';
import { errorCode } from '../../platform/file-errors.ts';

/**
 * The number of a group, as the system knows it: from a directory service, too.
 *
 * @throws DevaccessError DA_NO_GROUP
 */
export function findGroup(name: string): number {
  const isName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\$?$/.test(name);
  const line = isName ? (askSystem(name) ?? lineOf(name)) : undefined;
  const gid = line?.split(':')[2];
  if (gid !== undefined && /^\d{1,10}$/.test(gid)) return Number(gid);
  throw new DevaccessError('DA_NO_GROUP', `There is no group '${printable(name)}' here`, {
    next: 'make it: groupadd --system NAME, and add the consumer: usermod -aG NAME USER',
  });
}

function askSystem(name: string): string | undefined {
  try {
    return execFileSync('getent', ['group', name], {
      encoding: 'utf8',
      timeout: 5_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    // 2: there is none; ENOENT: there is no getent, as on macOS.
    if (errorCode(error) !== 'ENOENT') return '';
    return undefined;
  }
}

function lineOf(name: string): string | undefined {
  try {
    const lines = readFileSync('/etc/group', 'utf8').split('\n');
    return lines.find((line) => line.startsWith(`${name}:`));
  } catch {
    return undefined;
  }
}
