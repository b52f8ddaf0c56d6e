/**
 * Reader of the shared AWS files (2.2 of the credentials facts). It keeps every line, so that an
 * edit (`ini-edit.ts`) can leave all others byte for byte as they are, and it says where botocore
 * and the AWS SDK for JavaScript read a line differently.
 *
 * What it reads: the value botocore sees (everything after the delimiter, an inline comment
 * included), keys in lower case, one level of nested lines under a key as continuation lines.
 */

type IniProblemKind =
  | 'bom'
  | 'lone-cr'
  | 'no-section'
  | 'no-delimiter'
  | 'bad-header'
  | 'duplicate-section'
  | 'duplicate-key'
  | 'hidden-header'
  | 'colon'
  | 'inline-comment'
  | 'bad-nested'
  | 'continuation'
  | 'default-section'
  | 'uppercase-key'
  | 'quoted';

export interface IniProblem {
  kind: IniProblemKind;
  /** 1-based. */
  line: number;
  message: string;
  /** Botocore refuses the whole file, or tools see different sections: such a file is not edited. */
  isFatal: boolean;
}

export interface IniProperty {
  /** As botocore sees it: lower case, cut at the first `=` or `:`. */
  key: string;
  value: string;
  /** Index of its line in `lines`; continuation lines follow up to `endLine` (exclusive). */
  line: number;
  endLine: number;
  /** Offsets of the delimiter and of the value in the line. */
  delimiterAt: number;
  valueAt: number;
  delimiter: '=' | ':';
  /** `key =` alone: indented lines below are settings of their own (`s3`, `services`). */
  isBlock: boolean;
}

export interface IniSection {
  name: string;
  /** Index of the header in `lines`; `endLine` is the next header's or the end (exclusive). */
  line: number;
  endLine: number;
  properties: IniProperty[];
}

export interface IniDocument {
  /** Every line with its end of line; joined they are the text, byte for byte. */
  lines: readonly string[];
  sections: readonly IniSection[];
  problems: readonly IniProblem[];
}

const FATAL: ReadonlySet<IniProblemKind> = new Set([
  'bom',
  'lone-cr',
  'no-section',
  'no-delimiter',
  'bad-header',
  'duplicate-section',
  'duplicate-key',
  'hidden-header',
  'bad-nested',
]);

/** Settings that are never in quotes, but are typed with them. */
const UNQUOTED = /^aws_(access_key_id|secret_access_key|session_token)$|^region$/;

/** Reads a text; never throws. Whatever is wrong is in `problems`, with its line. */
export function parseIni(text: string): IniDocument {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const sections: IniSection[] = [];
  const problems: IniProblem[] = [];
  const report = (kind: IniProblemKind, index: number, message: string): void => {
    problems.push({ kind, line: index + 1, message, isFatal: FATAL.has(kind) });
  };
  const names = new Set<string>();
  let keys = new Set<string>();
  let section: IniSection | undefined;
  let property: IniProperty | undefined;
  /** Indentation of the last header or property: a deeper line continues it (configparser). */
  let indent = 0;

  lines.forEach((raw, index) => {
    let line = raw.replace(/\r?\n$/, '');
    if (index === 0 && line.startsWith('\ufeff')) {
      report('bom', index, 'the file starts with a byte order mark');
      line = line.slice(1);
    }
    if (line.includes('\r')) report('lone-cr', index, 'a carriage return inside a line');
    const trimmed = line.trim();
    if (trimmed === '' || /^[#;]/.test(trimmed)) return;
    const depth = line.length - line.trimStart().length;

    if (property !== undefined && depth > indent) {
      if (trimmed.startsWith('[')) {
        report('hidden-header', index, 'an indented header is a part of the value above it');
      } else if (property.isBlock) {
        if (!trimmed.includes('=')) {
          report('bad-nested', index, `a line without '=' below ${property.key} =`);
        }
      } else {
        report('continuation', index, 'an indented line, read differently by AWS tools');
      }
      property.value += `\n${trimmed}`;
      property.endLine = index + 1;
      return;
    }
    indent = depth;

    if (trimmed.startsWith('[')) {
      const header = readHeader(trimmed);
      if (!header.isClean) report('bad-header', index, 'text after or inside the section header');
      if (names.has(header.name)) {
        report('duplicate-section', index, `section [${header.name}] appears twice`);
      }
      if (header.name === 'DEFAULT') {
        report('default-section', index, '[DEFAULT] is inherited by every profile in some tools');
      }
      if (section !== undefined) section.endLine = index;
      section = { name: header.name, line: index, endLine: lines.length, properties: [] };
      sections.push(section);
      names.add(header.name);
      keys = new Set();
      property = undefined;
      return;
    }
    const found = readProperty(line, index);
    if (found === undefined) {
      report('no-delimiter', index, 'a line that is neither header, comment nor key = value');
      return;
    }
    if (section === undefined) {
      report('no-section', index, 'a key before the first section');
      return;
    }
    const { key } = found;
    if (keys.has(key)) {
      report('duplicate-key', index, `key ${key} appears twice in [${section.name}]`);
    }
    if (found.delimiter === ':')
      report('colon', index, `key ${key} uses ':', which some tools skip`);
    if (/(?:^|\s)[#;]/.test(found.value)) {
      report('inline-comment', index, 'a comment after a value is a part of it for some tools');
    }
    if (line.slice(0, found.delimiterAt).trim() !== key) {
      report('uppercase-key', index, `key ${key} has capitals, with which some tools skip it`);
    }
    if (UNQUOTED.test(key) && /^(["']).*\1$/.test(found.value)) {
      report('quoted', index, `the quotes are a part of ${key}`);
    }
    section.properties.push(found);
    keys.add(key);
    property = found;
  });
  return { lines, sections, problems };
}

/** The text of a document: exactly what was read. */
export function iniText(document: IniDocument): string {
  return document.lines.join('');
}

/** Values of a section by key in lower case; undefined when there is no such section. */
export function sectionValues(
  document: IniDocument,
  name: string,
): ReadonlyMap<string, string> | undefined {
  const sections = document.sections.filter((section) => section.name === name);
  if (sections.length === 0) return undefined;
  const properties = sections.flatMap((section) => section.properties);
  return new Map(properties.map(({ key, value }) => [key, value]));
}

/**
 * A value without an inline comment, as the JavaScript SDK cuts it. Only for settings that can
 * hold no blank (key ids, ARNs, regions), where the comment can be no part of the value.
 */
export function withoutComment(value: string): string {
  return (value.split(/(?:^|\s)[#;]/)[0] ?? '').trim();
}

/** Botocore takes the last `]` of the line, JavaScript cuts a comment first: both must agree. */
function readHeader(trimmed: string): { name: string; isClean: boolean } {
  const match = /^\[([^\]]+)\](.*)$/s.exec(trimmed);
  if (match === null) return { name: trimmed.slice(1), isClean: false };
  const [, name = '', rest = ''] = match;
  const isClean = (rest === '' || /^\s+[#;]/.test(rest)) && !/[\]]/.test(rest);
  return { name, isClean: isClean && !/[[]|\s[#;]/.test(name) };
}

function readProperty(line: string, index: number): IniProperty | undefined {
  const delimiterAt = line.search(/[=:]/);
  const key = line.slice(0, Math.max(delimiterAt, 0)).trim().toLowerCase();
  if (key === '') return undefined;
  const rest = line.slice(delimiterAt + 1);
  const value = rest.trim();
  return {
    key,
    value,
    line: index,
    endLine: index + 1,
    delimiterAt,
    valueAt: delimiterAt + 1 + (rest.length - rest.trimStart().length),
    delimiter: line[delimiterAt] === ':' ? ':' : '=',
    isBlock: value === '',
  };
}
