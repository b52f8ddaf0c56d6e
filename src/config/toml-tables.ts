/** Putting tables into a TOML text and taking them out; every other byte stays. */
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'smol-toml';
import { lineOf, statements } from './toml-statements.ts';
import type { KeyPath } from './toml-statements.ts';

type Values = Readonly<Record<string, string | number | boolean | readonly string[]>>;
type Tables = Record<string, unknown>;

/** A text is written in a way that cannot be edited by lines, such as one inline table. */
export class TomlEditError extends Error {
  /** Where, from 1. */
  readonly line: number;

  constructor(line: number) {
    super('the text cannot be edited by lines');
    this.line = line;
  }
}

/**
 * Puts a table `[section.name]` in, in the place of the one that is there, else at the end. Pure;
 * checked by reading the result.
 *
 * @param text valid TOML
 * @throws TomlEditError
 */
export function withTable(text: string, section: string, name: string, values: Values): string {
  const wanted = tablesOf(text);
  wanted[section] = { ...(wanted[section] as Tables | undefined), [name]: values };
  const eol = text.includes('\r\n') && !/[^\r]\n/.test(text) ? '\r\n' : '\n';
  const table = stringify({ [section]: { [name]: values } })
    .split('\n')
    .filter((line) => line !== '' && line !== `[${section}]`)
    .map((line) => line + eol);
  const lines = linesOf(text);
  const span = spanOf(text, [section, name]);
  if (span !== undefined) lines.splice(span.from, span.to - span.from, ...table);
  else {
    const last = lines.pop();
    if (last !== undefined) lines.push(last.endsWith('\n') ? last : last + eol);
    const isSetOff = last === undefined || isBlank(last);
    lines.push(...(isSetOff ? [] : [eol]), ...table);
  }
  return checked(lines.join(''), wanted, text, [section, name]);
}

/**
 * Takes a table out, with the comments between its lines. Pure; checked by reading the result.
 *
 * @throws TomlEditError
 */
export function withoutTable(text: string, section: string, name: string): string {
  const wanted = tablesOf(text);
  const { [name]: _removed, ...others } = (wanted[section] ?? {}) as Tables;
  wanted[section] = others;
  const lines = linesOf(text);
  const { from, to } = spanOf(text, [section, name]) ?? { from: 0, to: 0 };
  const before = lines.slice(0, from);
  const after = lines.slice(to);
  // What set it off from others goes with it.
  const [next] = after;
  const isApart = before.length === 0 || isBlank(before.at(-1));
  if (from < to && isApart) {
    if (isBlank(next)) after.shift();
    else if (next === undefined) before.pop();
  }
  return checked([...before, ...after].join(''), wanted, text, [section, name]);
}

/** A TOML text as it is read, without a byte order mark. */
export function tablesOf(text: string): Tables {
  return parse(text.replace(/^\uFEFF/, ''));
}

/**
 * The lines of the statements about a path; undefined where there are none.
 *
 * @throws TomlEditError where others are between them
 */
function spanOf(text: string, path: KeyPath): { from: number; to: number } | undefined {
  let span: { from: number; to: number } | undefined;
  let isLast = false;
  for (const { line, end, sets } of statements(text.replace(/^\uFEFF/, ''))) {
    const isMeant = path.every((key, at) => sets[at] === key);
    if (isMeant && span !== undefined && !isLast) throw new TomlEditError(line);
    if (isMeant) span = { from: span?.from ?? line - 1, to: end - 1 };
    isLast = isMeant;
  }
  return span;
}

/** Each with its end. */
function linesOf(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

function isBlank(line: string | undefined): boolean {
  return line?.trim() === '';
}

function checked(result: string, wanted: Tables, text: string, path: KeyPath): string {
  try {
    if (isDeepStrictEqual(plain(tablesOf(result)), plain(wanted))) return result;
  } catch {
    // As a table that is inline cannot have another beside it.
  }
  throw new TomlEditError(lineOf(text, path) ?? 1);
}

/** An empty section is none. */
function plain(tables: Tables): Tables {
  const isEmpty = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
      ? Object.keys(value).length === 0
      : false;
  const entries = Object.entries(tables).filter(([, value]) => !isEmpty(value));
  // smol-toml makes objects of one prototype or another.
  return JSON.parse(JSON.stringify(Object.fromEntries(entries))) as Tables;
}
