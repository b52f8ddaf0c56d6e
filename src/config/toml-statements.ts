import { parse } from 'smol-toml';

export type KeyPath = readonly (string | number)[];

/**
 * The line (from 1) of the statement that sets the value at a path, or of its table's header;
 * undefined when nothing in the text is about it. The text must be valid TOML.
 *
 * smol-toml tells no positions, so the text is cut into its statements by the parser itself: lines
 * are taken together until they are valid on their own.
 */
export function lineOf(text: string, path: KeyPath): number | undefined {
  let best: { line: number; depth: number } | undefined;
  for (const { line, sets } of statements(text)) {
    const depth = commonLength(sets, path);
    // The first statement of the longest way there: a table's header comes before its keys.
    if (depth > (best?.depth ?? 0)) best = { line, depth };
  }
  return best?.line;
}

export interface Statement {
  /** Its first line, from 1. */
  line: number;
  /** The line behind its last. */
  end: number;
  /** The key that it sets or opens, from the root. */
  sets: KeyPath;
  isHeader: boolean;
}

/** The statements of a text that is valid TOML; comments and blank lines are between them. */
export function* statements(text: string): Generator<Statement> {
  const lines = text.split(/\r?\n/);
  const elements = new Map<string, number>();
  let table: KeyPath = [];
  for (let start = 0; start < lines.length; start += 1) {
    const first = lines[start]?.trim() ?? '';
    if (first === '' || first.startsWith('#')) continue;
    let end = start + 1;
    let keys = keysOf(lines.slice(start, end));
    while (keys === undefined && end < lines.length) {
      end += 1;
      keys = keysOf(lines.slice(start, end));
    }
    if (keys === undefined) return;
    if (first.startsWith('[[')) {
      const name = JSON.stringify(keys);
      const index = elements.get(name) ?? 0;
      elements.set(name, index + 1);
      table = [...keys, index];
    } else if (first.startsWith('[')) {
      table = keys;
    }
    const isHeader = first.startsWith('[');
    const sets = isHeader ? table : [...table, ...keys];
    yield { line: start + 1, end: end + 1, sets, isHeader };
    start = end - 1;
  }
}

/** The dotted key of one statement: the only way down, until a value or an empty table. */
function keysOf(lines: readonly string[]): string[] | undefined {
  let value: unknown;
  try {
    value = parse(lines.join('\n'));
  } catch {
    return undefined;
  }
  const keys: string[] = [];
  while (isTable(value)) {
    const [key, ...others] = Object.keys(value);
    // An inline table of several keys belongs to the key before it.
    if (key === undefined || others.length > 0) break;
    keys.push(key);
    value = value[key];
  }
  return keys;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

function commonLength(left: KeyPath, right: KeyPath): number {
  const differs = left.findIndex((key, index) => key !== right[index]);
  return differs < 0 ? left.length : differs;
}
