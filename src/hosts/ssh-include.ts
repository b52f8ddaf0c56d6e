import { join } from 'node:path';
import { DevaccessError } from '../platform/errors.ts';
import { segments } from './inline-texts.ts';
import { HOSTS_FILE_PATTERN } from './ssh-config-file.ts';
import { globCovers, includePath, sshDirectives } from './ssh-files.ts';

export interface IncludePlace {
  /** `~/.ssh` where devaccess writes. */
  sshDirectory: string;
  /** The home ssh itself uses: the login's, whatever HOME says. */
  loginHome: string;
  /** The files of ours that must be reached. */
  hostsFiles: readonly string[];
}

const COMMENT = '# Servers written by `devaccess hosts sync`; must stay above all Host lines.';

/**
 * Puts our Include at the top of the person's SSH config, unless Includes above its first Host or
 * Match already reach our files in whatever spelling. All other bytes stay. Pure.
 *
 * It must be first: ssh takes the first value it finds, and a line below a Host would only count
 * for that host.
 *
 * @param text the config, one character a byte (`binary` of safe-file)
 * @throws DevaccessError DA_UNQUOTABLE_PATH, DA_INLINE_BLOCK
 */
export function withInclude(text: string, place: IncludePlace): string {
  if (isIncluded(text, place)) return text;
  const eol = text.includes('\r\n') && !/[^\r]\n/.test(text) ? '\r\n' : '\n';
  const lines = [COMMENT, encoded(includeLine(place)), ...(text === '' ? [] : [''])];
  return lines.map((line) => line + eol).join('') + text;
}

/** Takes the Include away again that `withInclude` put in. Pure. */
export function withoutInclude(text: string, place: IncludePlace): string {
  const own = ownLines(place);
  return own === undefined ? text : text.replace(own, '');
}

/** How many characters at the top of a text are our Include. */
export function includeLength(text: string, place: IncludePlace): number {
  const own = ownLines(place);
  const match = own === undefined ? null : own.exec(text);
  return match?.index === 0 ? match[0].length : 0;
}

/** Our comment and Include, as we write them, and the line that sets them off. */
function ownLines(place: IncludePlace): RegExp | undefined {
  let line: string;
  try {
    line = encoded(includeLine(place));
  } catch {
    // Never written.
    return undefined;
  }
  const literal = (part: string): string => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return new RegExp(`^${literal(COMMENT)}\\r?\\n${literal(line)}\\r?\\n(\\r?\\n)?`, 'm');
}

/** Whether ssh, reading this config for any host, would also read our files. */
function isIncluded(text: string, { loginHome, hostsFiles }: IncludePlace): boolean {
  // A text of ours ends by giving what follows back to all hosts.
  const own = segments(text, 'config').map((part) => ('foreign' in part ? part.foreign : ''));
  const patterns: string[] = [];
  for (const { keyword, words } of sshDirectives(own.join(''))) {
    if (keyword === 'host' || keyword === 'match') break;
    if (keyword !== 'include') continue;
    const decoded = words.map((word) => Buffer.from(word, 'latin1').toString('utf8'));
    patterns.push(...decoded.map((word) => includePath(word, loginHome)));
  }
  return hostsFiles.every((file) => patterns.some((pattern) => globCovers(pattern, file)));
}

/**
 * The line that makes ssh read our files: relative where ssh looks in the same folder, else
 * absolute, as for a HOME of its own.
 *
 * @throws DevaccessError DA_UNQUOTABLE_PATH
 */
export function includeLine({
  sshDirectory,
  loginHome,
}: Pick<IncludePlace, 'sshDirectory' | 'loginHome'>): string {
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

/** As the bytes of a file, one character each. */
function encoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
