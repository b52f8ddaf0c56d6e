import type { Command } from '@oclif/core';

/** What the arguments of a command are; `DevaccessCommand.completes`. */
export type Completes = 'hosts' | 'fixed' | 'copies' | 'tunnels' | 'commands';

/** What a flag wants behind it. */
export type FlagValue =
  | { kind: 'none' | 'text' | 'profile' | 'fleet' | 'host' | 'file' }
  | { kind: 'options'; options: readonly string[] };

export interface FlagWords {
  long: string;
  short: string | undefined;
  summary: string;
  value: FlagValue;
}

/** A command as a completion script needs it. */
export interface CommandWords {
  /** `['hosts', 'sync']`. */
  path: readonly string[];
  summary: string;
  flags: readonly FlagWords[];
  completes: Completes | undefined;
}

/** A word that may come next at some place, with what it means. */
export interface NextWord {
  word: string;
  summary: string;
}

type CommandClass = Command.Class & { completes?: Completes };

const FILE_FLAGS = new Set([
  'log-file',
  'file',
  'out',
  'certificate',
  'private-key',
  'intermediates',
]);

const HOST_FLAGS = new Set(['via', 'accept-changed']);

/** The commands of this program, hidden ones and flags left out. */
export function commandWords(commands: Readonly<Record<string, Command.Class>>): CommandWords[] {
  return Object.entries(commands)
    .filter(([, command]) => !command.hidden)
    .map(([id, command]) => ({
      path: id.split(':'),
      summary: oneLine(command.summary),
      flags: flagWords(command),
      completes: (command as CommandClass).completes,
    }));
}

/** Commands and topics that may follow a path, in the order of the alphabet. */
export function nextWords(
  commands: readonly CommandWords[],
  topics: Readonly<Record<string, string>>,
  path: readonly string[],
): NextWord[] {
  const next = new Map<string, string>();
  for (const command of commands) {
    if (path.some((word, at) => command.path[at] !== word)) continue;
    const word = command.path[path.length];
    if (word === undefined) continue;
    const isWhole = command.path.length === path.length + 1;
    const summary = isWhole ? command.summary : topics[[...path, word].join(':')];
    next.set(word, summary ?? next.get(word) ?? '');
  }
  return [...next].map(([word, summary]) => ({ word, summary })).sort(byWord);
}

/** Every place where a topic or command may follow: the root first. */
export function topicPaths(commands: readonly CommandWords[]): string[][] {
  const paths = new Map<string, string[]>([['', []]]);
  for (const { path } of commands) {
    for (let length = 1; length < path.length; length += 1) {
      const topic = path.slice(0, length);
      paths.set(topic.join(' '), topic);
    }
  }
  return [...paths.values()];
}

/** Every word or words that name a topic or a command: `hosts`, `hosts sync`, … */
export function knownPaths(commands: readonly CommandWords[]): string[] {
  const paths = commands.flatMap(({ path }) =>
    path.map((_, at) => path.slice(0, at + 1).join(' ')),
  );
  return [...new Set(paths)];
}

function flagWords(command: Command.Class): FlagWords[] {
  const flags = Object.entries({ ...command.baseFlags, ...command.flags })
    .filter(([, flag]) => flag.hidden !== true)
    .map(([long, flag]): FlagWords => ({
      long,
      short: flag.char,
      summary: oneLine(flag.summary ?? flag.description),
      value: valueOf(long, flag),
    }));
  const json: FlagWords = {
    long: 'json',
    short: undefined,
    summary: 'print the result as JSON',
    value: { kind: 'none' },
  };
  const hasOwn = flags.some(({ long }) => long === 'json');
  return (command.enableJsonFlag && !hasOwn ? [...flags, json] : flags).sort((left, right) =>
    left.long < right.long ? -1 : 1,
  );
}

function valueOf(
  name: string,
  flag: { type?: string; options?: readonly string[] | undefined },
): FlagValue {
  if (flag.type === 'boolean') return { kind: 'none' };
  if (flag.options !== undefined) return { kind: 'options', options: flag.options };
  if (name === 'profile' || name === 'fleet') return { kind: name };
  if (HOST_FLAGS.has(name)) return { kind: 'host' };
  return { kind: FILE_FLAGS.has(name) ? 'file' : 'text' };
}

function oneLine(text = ''): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function byWord(left: NextWord, right: NextWord): number {
  return left.word < right.word ? -1 : 1;
}
