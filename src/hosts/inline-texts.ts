/** Our texts inside of the person's own config, each between two marks. */
import { DevaccessError } from '../platform/errors.ts';

const BEGIN = /^# >>> (devaccess-[^\s/]+\.conf) >>>/;
const END = /^# <<< devaccess-[^\s/]+\.conf <<<\s*$/;
const REMARK = 'written by `devaccess hosts sync --inline`; changes made here are lost';

/** A part of a config; its lines are whole. */
export type Segment =
  | { foreign: string; line: number }
  /** A text of ours, without its marks; and as it lies there. */
  | { name: string; text: string; raw: string; line: number };

/**
 * Cuts a config into what is the person's and what is ours.
 *
 * @param config one character a byte
 * @throws DevaccessError DA_INLINE_BLOCK where the beginning or the end of a text of ours is missing
 */
export function segments(config: string, path: string): Segment[] {
  const found: Segment[] = [];
  let foreign: string[] = [];
  let foreignLine = 1;
  const lines = config.split(/(?<=\n)/);
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const name = BEGIN.exec(line)?.[1];
    if (name === undefined) {
      if (END.test(line)) throw unbegun(path, at + 1);
      foreign.push(line);
      continue;
    }
    const end = endOf(lines, at, name);
    if (end === undefined) throw unended(path, at + 1, name);
    if (foreign.length > 0) found.push({ foreign: foreign.join(''), line: foreignLine });
    const body = lines
      .slice(at + 1, end)
      .join('')
      .replaceAll('\r\n', '\n');
    // The line that gives what follows back to all hosts is no part of it.
    const text = Buffer.from(body.replace(/\nHost \*\n$/, ''), 'latin1').toString('utf8');
    const raw = lines.slice(at, end + 1).join('');
    found.push({ name, text, raw, line: at + 1 });
    at = end;
    foreign = [];
    foreignLine = end + 2;
  }
  if (foreign.length > 0) found.push({ foreign: foreign.join(''), line: foreignLine });
  return found;
}

/**
 * Puts texts into a config, in the place of their former ones; new ones above everything but what
 * `below` finds at the top. All other bytes stay. Pure.
 *
 * @param changes by name; undefined takes a text away
 * @param below how many characters at the top stay first
 * @throws DevaccessError DA_INLINE_BLOCK
 */
export function withInlineTexts(
  config: string,
  changes: ReadonlyMap<string, string | undefined>,
  { path, below }: { path: string; below: (foreign: string) => number },
): string {
  const eol = config.includes('\r\n') && !/[^\r]\n/.test(config) ? '\r\n' : '\n';
  const present = segments(config, path);
  const kept = present.map((segment) => {
    if ('foreign' in segment) return segment.foreign;
    if (!changes.has(segment.name)) return segment.raw;
    const text = changes.get(segment.name);
    return text === undefined ? '' : framed(segment.name, text, eol);
  });
  const names = new Set(present.flatMap((segment) => ('name' in segment ? [segment.name] : [])));
  const added = [...changes].flatMap(([name, text]) =>
    text === undefined || names.has(name) ? [] : [framed(name, text, eol)],
  );
  const joined = kept.join('');
  if (added.length === 0) return joined;
  const first = present[0];
  const top = first !== undefined && 'foreign' in first ? below(first.foreign) : 0;
  return joined.slice(0, top) + added.join('') + joined.slice(top);
}

/** `Host *` gives what the person has below back to all hosts. */
function framed(name: string, text: string, eol: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  const framedText = `# >>> ${name} >>> ${REMARK}\n${bytes}\nHost *\n# <<< ${name} <<<\n`;
  return framedText.replaceAll('\n', eol);
}

function endOf(lines: readonly string[], begin: number, name: string): number | undefined {
  for (let at = begin + 1; at < lines.length; at += 1) {
    const line = (lines[at] ?? '').trimEnd();
    if (line === `# <<< ${name} <<<`) return at;
    if (BEGIN.test(line)) return undefined;
  }
  return undefined;
}

function unended(path: string, line: number, name: string): DevaccessError {
  return new DevaccessError(
    'DA_INLINE_BLOCK',
    `${path}:${line}: the entries of devaccess that begin here have no end`,
    { next: `put '# <<< ${name} <<<' where they end, or remove them` },
  );
}

/** Its entries would stay for ever. */
function unbegun(path: string, line: number): DevaccessError {
  return new DevaccessError(
    'DA_INLINE_BLOCK',
    `${path}:${line}: the entries of devaccess that end here have no beginning`,
    { next: 'remove them with this line, then sync again' },
  );
}
