import { DevaccessError } from '../../platform/errors.ts';
import { iniText, parseIni, sectionValues } from './ini-document.ts';
import type { IniDocument, IniProperty, IniSection } from './ini-document.ts';

/** New values by key; null removes the key. Keys are lower case. */
export type SectionChanges = Readonly<Record<string, string | null>>;

/** Profile names both SDKs can see (2.2): the JavaScript one knows no blanks. */
const SECTION_NAME = /^[\w\-@+.%:/]+$/;
/** `__proto__` makes the JavaScript SDK refuse the file; DEFAULT is inherited everywhere. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'DEFAULT']);

/**
 * Sets and removes keys of one section of a shared AWS file, creating the section at the end if
 * there is none. Every other line stays byte for byte as it is; the result is read again and
 * compared before it is returned (2.4 of the credentials facts). Pure.
 *
 * @throws DevaccessError DA_AWS_FILE_INVALID for a text that tools read differently or not at all
 * @throws DevaccessError DA_AWS_FILE_VALUE for a name or value that cannot be written safely
 */
export function editSection(text: string, name: string, changes: SectionChanges): string {
  const document = parseIni(text);
  refuseBroken(document);
  checkName(name);
  for (const [key, value] of Object.entries(changes)) checkPair(key, value);
  const section = document.sections.find((candidate) => candidate.name === name);
  const result =
    section === undefined
      ? appendSection(document, name, changes)
      : changeSection(document, section, changes);
  verify(document, result, name, changes);
  return result;
}

/**
 * Refuses a text that botocore rejects as a whole or in which tools see different sections.
 *
 * @param file path of the text, for the message
 * @throws DevaccessError DA_AWS_FILE_INVALID naming the lines
 */
export function refuseBroken(document: IniDocument, file = 'The file'): void {
  const fatal = document.problems.filter((problem) => problem.isFatal);
  if (fatal.length === 0) return;
  const shown = fatal.slice(0, 3).map(({ line, message }) => `line ${line}: ${message}`);
  if (fatal.length > shown.length) shown.push(`${fatal.length - shown.length} more`);
  throw new DevaccessError('DA_AWS_FILE_INVALID', `${file} has errors: ${shown.join('; ')}`, {
    next: 'correct these lines; AWS tools may refuse the whole file because of them',
  });
}

function changeSection(
  document: IniDocument,
  section: IniSection,
  changes: SectionChanges,
): string {
  const lines = [...document.lines];
  const eol = dominantEol(document);
  const missing: string[] = [];
  for (const [key, value] of Object.entries(changes)) {
    const property = section.properties.find((candidate) => candidate.key === key);
    if (property === undefined) {
      if (value !== null) missing.push(`${key} = ${value}${eol}`);
    } else if (value === null) {
      blank(lines, property.line, property.endLine);
    } else if (property.value !== value || property.delimiter === ':') {
      lines[property.line] = withValue(document, property, value);
      blank(lines, property.line + 1, property.endLine);
    }
  }
  if (missing.length === 0) return lines.join('');
  const last = section.properties.at(-1);
  const after = (last?.endLine ?? section.line + 1) - 1;
  // A file may lack its final newline: what follows needs one.
  const hasEnd = document.lines[after]?.endsWith('\n') ?? true;
  const previous = lines[after] ?? '';
  lines[after] = previous + (hasEnd || previous === '' ? '' : eol) + missing.join('');
  return lines.join('');
}

/** Lines of a removed value disappear; indices of the others stay valid meanwhile. */
function blank(lines: string[], from: number, to: number): void {
  for (let index = from; index < to; index += 1) {
    // Comments and blank lines between continuation lines are nobody's value.
    if (index === from || !/^\s*([#;]|$)/.test(lines[index] ?? '')) lines[index] = '';
  }
}

/**
 * The line with another value. Its key becomes lower case and its delimiter `=`, as the
 * JavaScript SDK finds no other; indentation and spacing stay.
 */
function withValue(document: IniDocument, property: IniProperty, value: string): string {
  const line = document.lines[property.line] ?? '';
  const { delimiterAt, valueAt } = property;
  const key = line.slice(0, delimiterAt).toLowerCase();
  const firstLine = property.value.split('\n')[0] ?? '';
  const tail = line.slice(valueAt + firstLine.length);
  return `${key}=${line.slice(delimiterAt + 1, valueAt)}${value}${tail}`;
}

function appendSection(document: IniDocument, name: string, changes: SectionChanges): string {
  const eol = dominantEol(document);
  const text = iniText(document);
  const values = Object.entries(changes).filter(([, value]) => value !== null);
  const added = [`[${name}]`, ...values.map(([key, value]) => `${key} = ${value ?? ''}`)];
  const end = text === '' || text.endsWith('\n') ? '' : eol;
  const lastLine = document.lines.at(-1) ?? '';
  const gap = text === '' || lastLine.trim() === '' ? '' : eol;
  return `${text}${end}${gap}${added.join(eol)}${eol}`;
}

function dominantEol(document: IniDocument): string {
  const crlf = document.lines.filter((line) => line.endsWith('\r\n')).length;
  const ended = document.lines.filter((line) => line.endsWith('\n')).length;
  return crlf * 2 > ended ? '\r\n' : '\n';
}

function checkName(name: string): void {
  if (SECTION_NAME.test(name) && !FORBIDDEN_NAMES.has(name)) return;
  throw new DevaccessError('DA_AWS_FILE_VALUE', `'${name}' cannot be a profile name`, {
    next: 'use letters, digits and - _ . @ + % : / only',
  });
}

/** The message names the key alone: a value may be a secret. */
function checkPair(key: string, value: string | null): void {
  const isKey = /^[a-z][a-z0-9_]*$/.test(key);
  const isValue =
    value === null ||
    (value !== '' && value === value.trim() && !/[\r\n\0\ufeff]|(^|\s)[#;]/.test(value));
  if (isKey && isValue) return;
  throw new DevaccessError('DA_AWS_FILE_VALUE', `The value of ${key} cannot be written`, {
    next: 'remove line breaks, outer blanks and # or ; after a blank',
  });
}

/** Reads the result again: other sections equal, the values there, nothing new wrong. */
function verify(before: IniDocument, text: string, name: string, changes: SectionChanges): void {
  const after = parseIni(text);
  refuseBroken(after);
  const others = (document: IniDocument): string =>
    JSON.stringify(
      document.sections
        .filter((section) => section.name !== name)
        .map((section) => [section.name, section.properties.map(({ key, value }) => [key, value])]),
    );
  const values = sectionValues(after, name);
  const isWritten = Object.entries(changes).every(
    ([key, value]) => values?.get(key) === (value ?? undefined),
  );
  const kept = [...(sectionValues(before, name) ?? [])].every(
    ([key, value]) => Object.hasOwn(changes, key) || values?.get(key) === value,
  );
  if (others(before) === others(after) && isWritten && kept) return;
  throw new DevaccessError(
    'DA_AWS_FILE_INVALID',
    `Section [${name}] cannot be changed without changing others`,
    { next: 'remove the indentation of headers and keys in the file' },
  );
}
