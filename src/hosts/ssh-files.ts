/** Reading the person's own SSH config: its directives, its Includes and the names it uses. */
import { readdirSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { readTextFile } from '../platform/safe-file.ts';
import { segments } from './inline-texts.ts';
import type { Segment } from './inline-texts.ts';

export interface Directive {
  /** Lower case. */
  keyword: string;
  words: string[];
  /** All that follows the keyword. */
  value: string;
  /** From 1. */
  line: number;
}

/** ssh itself stops at this depth. */
const MAX_INCLUDE_DEPTH = 16;
/** More than any person's config has. */
const MAX_FILES = 2_000;

/**
 * The directives of a config text, quotes taken off; ssh_config(5). Never throws.
 *
 * @param firstLine number of the text's first line
 */
export function sshDirectives(text: string, firstLine = 1): Directive[] {
  return text.split(/\r?\n/).flatMap((content, at) => {
    const match = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*)$/.exec(content);
    if (match === null) return [];
    const [, keyword = '', rest = ''] = match;
    const words = [...rest.matchAll(/"([^"]*)"|([^\s"]+)/g)].map(
      ([, quoted, bare]) => quoted ?? bare ?? '',
    );
    const comment = words.findIndex((word) => word.startsWith('#'));
    return [
      {
        keyword: keyword.toLowerCase(),
        words: words.slice(0, comment < 0 ? undefined : comment),
        value: rest.trim(),
        line: firstLine + at,
      },
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

/** What must hold for a directive to count: the patterns of a Host line, or the words of a Match. */
export type Condition = { kind: 'host' | 'match'; words: readonly string[] };

export interface PlacedDirective extends Directive {
  path: string;
  /** All of them must hold: those of the files around it, and of its own. */
  conditions: readonly Condition[];
}

/** What `readSshConfig` comes across, in the order in which ssh reads it. */
export type ConfigItem = PlacedDirective | { ownText: string };

export interface ConfigPlace {
  /** `~/.ssh/config`. */
  configPath: string;
  /** Its text where that is about to be another than what lies there. */
  configText: string;
  loginHome: string;
  /** Tells the files that only devaccess writes, which are not read. */
  isOurs: (path: string) => boolean;
  /** Those of them that there are, or will be. */
  ownFiles: readonly string[];
}

/**
 * The directives of the person's config and of all it includes, with the places of our own texts
 * among them. Files that cannot be read hold nothing we could know of.
 */
export function* readSshConfig(place: ConfigPlace): Generator<ConfigItem> {
  const budget = { files: MAX_FILES };
  yield* visit(place.configPath, { ...place, budget }, [], [place.configPath]);
}

interface Visit extends ConfigPlace {
  /** Files that include each other could be read for ever. */
  budget: { files: number };
}

function* visit(
  path: string,
  place: Visit,
  outer: readonly Condition[],
  around: readonly string[],
): Generator<ConfigItem> {
  place.budget.files -= 1;
  const text = path === place.configPath ? place.configText : readOrEmpty(path);
  let own: Condition[] = [];
  for (const segment of segmentsOf(text, path)) {
    if ('name' in segment) {
      yield { ownText: segment.name };
      own = [];
      continue;
    }
    for (const directive of sshDirectives(segment.foreign, segment.line)) {
      const { keyword, words } = directive;
      if (keyword === 'host' || keyword === 'match') own = [{ kind: keyword, words }];
      const conditions = [...outer, ...own];
      yield { ...directive, path, conditions };
      if (keyword !== 'include' || around.length > MAX_INCLUDE_DEPTH) continue;
      for (const included of words.flatMap((word) => includedFiles(word, place))) {
        if (place.isOurs(included)) yield { ownText: basename(included) };
        else if (!around.includes(included) && place.budget.files > 0) {
          yield* visit(included, place, conditions, [...around, included]);
        }
      }
    }
  }
}

/** The files an argument of Include stands for, in the order in which ssh reads them. */
function includedFiles(word: string, { loginHome, isOurs, ownFiles }: Visit): string[] {
  const pattern = includePath(Buffer.from(word, 'latin1').toString('utf8'), loginHome);
  const others = expand(pattern).filter((path) => !isOurs(path));
  return [...others, ...ownFiles.filter((path) => globCovers(pattern, path))].sort();
}

/** A text of ours without its end is told of when it is to be written. */
function segmentsOf(text: string, path: string): Segment[] {
  try {
    return segments(text, path);
  } catch {
    return [{ foreign: text, line: 1 }];
  }
}

/** Names that Host lines define, by line; patterns are left out. */
export function hostNames(items: Iterable<ConfigItem>): Set<string>[] {
  const lines: Set<string>[] = [];
  for (const item of items) {
    if ('ownText' in item || item.keyword !== 'host') continue;
    lines.push(new Set(item.words.filter((word) => !/[*?!]/.test(word))));
  }
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
