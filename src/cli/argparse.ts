/** The parts of an oclif flag that decide how it is written. */
interface Flag {
  type: 'option' | 'boolean';
  aliases?: string[];
}

/**
 * A command line as Python's argparse reads it, spelled out for a parser that is stricter: a long
 * option may be cut short where that is unambiguous, and of one given twice the last counts.
 * Options of no flag in `flags` stay as they are; so does all that follows `--`.
 */
export function spellOut(argv: readonly string[], flags: Readonly<Record<string, Flag>>): string[] {
  const options = new Map<string, string[]>();
  const others: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') {
      others.push(...argv.slice(index));
      break;
    }
    const name = flagOf(word, flags);
    if (name === undefined) {
      others.push(word);
      continue;
    }
    const at = word.indexOf('=');
    const given = [`--${name}${at < 0 ? '' : word.slice(at)}`];
    const value = argv[index + 1];
    if (flags[name]?.type === 'option' && at < 0 && value !== undefined) {
      given.push(value);
      index += 1;
    }
    options.set(name, given);
  }
  return [...[...options.values()].flat(), ...others];
}

function flagOf(word: string, flags: Readonly<Record<string, Flag>>): string | undefined {
  const text = /^--([^=]+)/.exec(word)?.[1];
  if (text === undefined) return undefined;
  const spellings = (name: string): string[] => [name, ...(flags[name]?.aliases ?? [])];
  const names = Object.keys(flags);
  const exact = names.find((name) => spellings(name).includes(text));
  if (exact !== undefined) return exact;
  const found = names.filter((name) => spellings(name).some((form) => form.startsWith(text)));
  return found.length === 1 ? found[0] : undefined;
}
