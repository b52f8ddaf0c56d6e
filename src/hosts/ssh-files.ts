/** Reading the person's own SSH config: its directives, its Includes and the names it uses. */
import { readdirSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { readTextFile } from '../platform/safe-file.ts';

export interface Directive {
  /** Lower case. */
  keyword: string;
  words: string[];
}

/** ssh itself stops at this depth. */
const MAX_INCLUDE_DEPTH = 16;

/** The directives of a config text, quotes taken off; ssh_config(5). Never throws. */
export function sshDirectives(text: string): Directive[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*)$/.exec(line);
    if (match === null) return [];
    const [, keyword = '', rest = ''] = match;
    const words = [...rest.matchAll(/"([^"]*)"|([^\s"]+)/g)].map(
      ([, quoted, bare]) => quoted ?? bare ?? '',
    );
    const comment = words.findIndex((word) => word.startsWith('#'));
    return [
      { keyword: keyword.toLowerCase(), words: words.slice(0, comment < 0 ? undefined : comment) },
    ];
  });
}

/** An Include argument as a path: `~` and relative ones are about `~/.ssh` of the login's home. */
export function includePath(pattern: string, loginHome: string): string {
  if (/^~[/\\]/.test(pattern)) return join(loginHome, pattern.slice(2));
  return isAbsolute(pattern) ? pattern : join(loginHome, '.ssh', pattern);
}

/** Whether a glob(7) pattern covers a path, component by component. */
export function globCovers(pattern: string, path: string): boolean {
  const wanted = pattern.split(/[/\\]/);
  const actual = path.split(/[/\\]/);
  if (wanted.length !== actual.length) return false;
  return wanted.every((part, index) => componentMatches(part, actual[index] ?? ''));
}

/**
 * Names that `Host` lines outside `ours` define, in the given config and all it includes; patterns
 * are left out. Files that cannot be read define nothing we could know of.
 *
 * @param isOurs tells the files devaccess wrote for this very profile and region
 */
export function foreignHostNames(
  configPath: string,
  loginHome: string,
  isOurs: (path: string) => boolean,
): Set<string>[] {
  const lines: Set<string>[] = [];
  const seen = new Set<string>();
  const visit = (path: string, depth: number): void => {
    if (seen.has(path) || isOurs(path) || depth > MAX_INCLUDE_DEPTH) return;
    seen.add(path);
    for (const { keyword, words } of sshDirectives(readOrEmpty(path))) {
      if (keyword === 'host') {
        lines.push(new Set(words.filter((word) => !/[*?!]/.test(word))));
      } else if (keyword === 'include') {
        const found = words.flatMap((word) => expand(includePath(word, loginHome)));
        for (const included of found) visit(included, depth + 1);
      }
    }
  };
  visit(configPath, 0);
  return lines;
}

function readOrEmpty(path: string): string {
  try {
    return readTextFile(path, { encoding: 'binary' }) ?? '';
  } catch {
    return '';
  }
}

/** The files a pattern names, sorted as glob(3) sorts them. */
function expand(pattern: string): string[] {
  if (!/[*?[]/.test(pattern)) return [pattern];
  const last = basename(pattern);
  return expand(dirname(pattern)).flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((name) => componentMatches(last, name))
        .sort()
        .map((name) => join(folder, name));
    } catch {
      return [];
    }
  });
}

function componentMatches(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  const source = pattern.replace(/\[(!?)([^\]]+)\]|[*?]|[\\^$.|+(){}[\]]/g, (token, not, set) => {
    if (token === '*') return '.*';
    if (token === '?') return '.';
    if (typeof set !== 'string') return `\\${token}`;
    return `[${not === '!' ? '^' : ''}${set.replace(/[\\\]^]/g, '\\$&')}]`;
  });
  return new RegExp(`^${source}$`, 's').test(name);
}
