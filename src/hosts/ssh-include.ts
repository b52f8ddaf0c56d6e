import { join } from 'node:path';
import { DevaccessError } from '../platform/errors.ts';
import { globCovers, includePath, sshDirectives } from './ssh-files.ts';
import { HOSTS_FILE_PATTERN } from './ssh-config-file.ts';

export interface IncludePlace {
  /** `~/.ssh` where devaccess writes. */
  sshDirectory: string;
  /** The home ssh itself uses: the login's, whatever HOME says. */
  loginHome: string;
  /** The file of ours that must be reached. */
  hostsFile: string;
}

const COMMENT = '# Servers written by `devaccess hosts sync`; must stay above all Host lines.';

/**
 * Puts our Include at the top of the person's SSH config, unless an Include above its first Host
 * or Match already reaches our file in whatever spelling. All other bytes stay. Pure.
 *
 * It must be first: ssh takes the first value it finds, and a line below a Host would only count
 * for that host.
 *
 * @param text the config, one character a byte (`binary` of safe-file)
 * @throws DevaccessError DA_UNQUOTABLE_PATH
 */
export function withInclude(text: string, place: IncludePlace): string {
  if (isIncluded(text, place)) return text;
  const eol = text.includes('\r\n') && !/[^\r]\n/.test(text) ? '\r\n' : '\n';
  const line = Buffer.from(includeLine(place), 'utf8').toString('latin1');
  const lines = [COMMENT, line, ...(text === '' ? [] : [''])];
  return lines.map((line) => line + eol).join('') + text;
}

/** Whether ssh, reading this config for any host, would also read our file. */
function isIncluded(text: string, { loginHome, hostsFile }: IncludePlace): boolean {
  for (const { keyword, words } of sshDirectives(text)) {
    if (keyword === 'host' || keyword === 'match') return false;
    if (keyword !== 'include') continue;
    const decoded = words.map((word) => Buffer.from(word, 'latin1').toString('utf8'));
    if (decoded.some((word) => globCovers(includePath(word, loginHome), hostsFile))) return true;
  }
  return false;
}

/**
 * The line that makes ssh read our files: relative where ssh looks in the same folder, else
 * absolute, as for a HOME of its own.
 *
 * @throws DevaccessError DA_UNQUOTABLE_PATH
 */
export function includeLine({ sshDirectory, loginHome }: IncludePlace): string {
  if (sshDirectory === join(loginHome, '.ssh')) return `Include ${HOSTS_FILE_PATTERN}`;
  if (/["\\*?[\]\p{Cc}]/u.test(sshDirectory)) {
    throw new DevaccessError(
      'DA_UNQUOTABLE_PATH',
      `${sshDirectory} cannot be written into an SSH config`,
      { next: 'use a home folder without quotes, backslashes, * ? [ ]' },
    );
  }
  const path = join(sshDirectory, HOSTS_FILE_PATTERN);
  return `Include ${/[\s#]/.test(path) ? `"${path}"` : path}`;
}
