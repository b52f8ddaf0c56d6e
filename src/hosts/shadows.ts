/** Where the person's own config has a say before our entries: ssh takes the first value it finds. */
import { matchesWildcard } from '../platform/wildcard.ts';
import { hostBlocks } from './ssh-config-file.ts';
import { sshDirectives } from './ssh-files.ts';
import type { Condition, ConfigItem, PlacedDirective } from './ssh-files.ts';

/** An entry of ours as the test for shadows needs it. */
export interface ShadowedEntry {
  /** What people type: alias and id. */
  names: readonly string[];
  /** Values by lower-case keyword. */
  options: ReadonlyMap<string, string>;
}

/** Either of them keeps the other from counting, whichever comes first. */
const RIVALS: Readonly<Record<string, string>> = {
  proxycommand: 'proxyjump',
  proxyjump: 'proxycommand',
};
/** Of these all values count, or none of ours depends on them. */
const ADDED_UP = new Set([
  'host',
  'match',
  'include',
  'identityfile',
  'certificatefile',
  'sendenv',
]);

const MAX_NOTICES = 10;

/**
 * Tells which lines above our texts win over what our entries say, and for whom.
 *
 * @param entriesOf the entries of a text of ours, by its name
 */
export function shadowNotices(
  items: Iterable<ConfigItem>,
  entriesOf: (ownText: string) => readonly ShadowedEntry[],
): string[] {
  const above: PlacedDirective[] = [];
  const shadows = new Map<PlacedDirective, Shadow>();
  for (const item of items) {
    if (!('ownText' in item)) {
      if (!ADDED_UP.has(item.keyword)) above.push(item);
      continue;
    }
    if (above.length === 0) continue;
    for (const entry of entriesOf(item.ownText)) {
      for (const directive of above) judge(directive, entry, shadows);
    }
  }
  const notices = [...shadows].map(([directive, shadow]) => describe(directive, shadow));
  const more = notices.length - MAX_NOTICES;
  return [
    ...notices.slice(0, MAX_NOTICES),
    ...(more > 0 ? [`and ${more} more lines above the servers of devaccess win over them`] : []),
  ];
}

/** The entries of a text that we wrote. */
export function textEntries(text: string): ShadowedEntry[] {
  return hostBlocks(text).map((block) => {
    const [host, ...options] = sshDirectives(block.text);
    return {
      names: host?.words ?? [],
      options: new Map(options.map(({ keyword, value }) => [keyword, value])),
    };
  });
}

interface Shadow {
  count: number;
  example: string;
  isSure: boolean;
}

function judge(
  directive: PlacedDirective,
  { names, options }: ShadowedEntry,
  shadows: Map<PlacedDirective, Shadow>,
): void {
  const { keyword, value, conditions } = directive;
  const ours = options.get(keyword);
  const isRival = options.has(RIVALS[keyword] ?? '');
  if ((ours === undefined && !isRival) || sameValue(ours, value)) return;
  const found = names
    .map((name) => ({ name, holds: holds(conditions, name) }))
    .find((each) => each.holds !== 'no');
  if (found === undefined) return;
  const shadow = shadows.get(directive) ?? { count: 0, example: found.name, isSure: false };
  shadow.count += 1;
  shadow.isSure ||= found.holds === 'yes';
  shadows.set(directive, shadow);
}

function sameValue(ours: string | undefined, theirs: string): boolean {
  return ours?.toLowerCase() === theirs.replace(/^"(.*)"$/, '$1').toLowerCase();
}

type Holds = 'yes' | 'maybe' | 'no';

function holds(conditions: readonly Condition[], name: string): Holds {
  let all: Holds = 'yes';
  for (const { kind, words } of conditions) {
    const each = kind === 'host' ? hostHolds(words, name) : matchHolds(words, name);
    if (each === 'no') return 'no';
    if (each === 'maybe') all = 'maybe';
  }
  return all;
}

/** A Host line holds where a pattern covers the name and none of the negated ones does. */
function hostHolds(patterns: readonly string[], name: string): Holds {
  let isCovered = false;
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith('!');
    if (!matchesWildcard(isNegated ? pattern.slice(1) : pattern, name)) continue;
    if (isNegated) return 'no';
    isCovered = true;
  }
  return isCovered ? 'yes' : 'no';
}

/** What a Match asks beyond names, only ssh can tell when it runs. */
function matchHolds(words: readonly string[], name: string): Holds {
  let all: Holds = 'yes';
  const rest = words.flatMap((word) => {
    const at = word.indexOf('=');
    return at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word];
  });
  for (let at = 0; at < rest.length; at += 1) {
    const attribute = (rest[at] ?? '').toLowerCase();
    const isNegated = attribute.startsWith('!');
    const criterion = isNegated ? attribute.slice(1) : attribute;
    if (criterion === 'all') continue;
    if (criterion === 'final' || criterion === 'canonical') {
      // A second reading finds our values set already.
      if (!isNegated) return 'no';
      continue;
    }
    at += 1;
    if (criterion !== 'host' && criterion !== 'originalhost') {
      all = 'maybe';
      continue;
    }
    const isCovered = hostHolds((rest[at] ?? '').split(','), name) === 'yes';
    if (isCovered === isNegated) return 'no';
  }
  return all;
}

function describe({ path, line, keyword, conditions }: PlacedDirective, shadow: Shadow): string {
  const { count, example, isSure } = shadow;
  const last = conditions.at(-1);
  const header = last === undefined ? 'for all hosts' : `in '${titled(last)}'`;
  const whom = count === 1 ? example : `${count} servers, such as ${example}`;
  const wins = isSure ? 'wins' : 'may win';
  return (
    `${path}:${line}: ${keyword} ${header} is above the servers of devaccess and ${wins} over ` +
    `theirs for ${whom}; move it below them`
  );
}

function titled({ kind, words }: Condition): string {
  const text = `${kind === 'host' ? 'Host' : 'Match'} ${words.join(' ')}`;
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
