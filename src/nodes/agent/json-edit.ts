/**
 * Edits JSON as text: what is not asked for stays byte for byte, unknown keys, order, blanks, and
 * numbers that no JavaScript number holds.
 *
 * Keys are matched as Go's encoding/json does for the agent: without regard to case, and of several
 * that match the last one counts.
 */

interface Member {
  key: string;
  /** Where its key begins. */
  start: number;
  valueStart: number;
  valueEnd: number;
}

const BLANK = /[ \t\r\n]/;

/**
 * Sets `key` of the object `section` of a JSON object, making both where they are missing.
 *
 * @param text a JSON object, as `JSON.parse` takes it
 * @param value as JSON
 */
export function setInSection(text: string, section: string, key: string, value: string): string {
  const place = findSection(text, section, key);
  if (place === undefined) {
    const indent = indentOf(text);
    const inner = indent === '' ? `{${JSON.stringify(key)}: ${value}}` : undefined;
    const block = `{\n${indent}${indent}${JSON.stringify(key)}: ${value}\n${indent}}`;
    return insertMember(text, skipBlank(text, 0), section, inner ?? block);
  }
  const present = matching(members(text, place), key);
  if (present === undefined) return insertMember(text, place, key, value);
  return text.slice(0, present.valueStart) + value + text.slice(present.valueEnd);
}

/** Takes every `key` out of the objects `section` of a JSON object. */
export function removeFromSection(text: string, section: string, key: string): string {
  for (;;) {
    const place = findSection(text, section, key);
    const list = place === undefined ? [] : members(text, place);
    const present = matching(list, key);
    if (present === undefined) return text;
    text = cutMember(text, list, present);
  }
}

/** Where the object of a section begins: the last that has the key, else the last one. */
function findSection(text: string, section: string, key: string): number | undefined {
  const objects = members(text, skipBlank(text, 0))
    .filter((member) => isSameKey(member.key, section) && text[member.valueStart] === '{')
    .map(({ valueStart }) => valueStart);
  return (
    objects.findLast((start) => matching(members(text, start), key) !== undefined) ?? objects.at(-1)
  );
}

function matching(list: readonly Member[], key: string): Member | undefined {
  return list.findLast((member) => isSameKey(member.key, key));
}

/** As Go folds the names of fields; none of the agent's holds a letter with a fold of its own. */
export function isSameKey(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

/** The members of the object that begins at `start`. */
function members(text: string, start: number): Member[] {
  const found: Member[] = [];
  let at = skipBlank(text, start + 1);
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at);
    const valueStart = skipBlank(text, skipBlank(text, keyEnd) + 1);
    const valueEnd = endOfValue(text, valueStart);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    found.push({ key, start: at, valueStart, valueEnd });
    at = skipBlank(text, valueEnd);
    if (text[at] !== ',') break;
    at = skipBlank(text, at + 1);
  }
  return found;
}

/** Adds a member at the end of the object that begins at `start`, laid out as its neighbours are. */
function insertMember(text: string, start: number, key: string, value: string): string {
  const list = members(text, start);
  const last = list.at(-1);
  const member = `${JSON.stringify(key)}: ${value}`;
  if (last !== undefined) {
    const [first = last] = list;
    const before = list.at(-2);
    // Between two members, or before the only one: what stands there separates the new one, too.
    const gap =
      before === undefined
        ? text.slice(start + 1, first.start)
        : text.slice(text.indexOf(',', before.valueEnd) + 1, last.start);
    return `${text.slice(0, last.valueEnd)},${gap}${member}${text.slice(last.valueEnd)}`;
  }
  const end = skipBlank(text, start + 1);
  const line = text.slice(text.lastIndexOf('\n', start) + 1, start);
  const outer = /^[ \t]*/.exec(line)?.[0] ?? '';
  const inner = outer + (indentOf(text) || '    ');
  return `${text.slice(0, start + 1)}\n${inner}${member}\n${outer}${text.slice(end)}`;
}

function cutMember(text: string, list: readonly Member[], member: Member): string {
  const index = list.indexOf(member);
  const next = list[index + 1];
  if (next !== undefined) return text.slice(0, member.start) + text.slice(next.start);
  const before = list[index - 1];
  if (before !== undefined) return text.slice(0, before.valueEnd) + text.slice(member.valueEnd);
  return text.slice(0, member.start).trimEnd() + text.slice(skipBlank(text, member.valueEnd));
}

/** What the first member of the document is indented by; empty where all is on one line. */
function indentOf(text: string): string {
  const [first] = members(text, skipBlank(text, 0));
  if (first === undefined) return '    ';
  return /\n([ \t]*)$/.exec(text.slice(0, first.start))?.[1] ?? '';
}

function skipBlank(text: string, at: number): number {
  while (BLANK.test(text[at] ?? '')) at += 1;
  return at;
}

/** @param at at the opening quote */
function endOfString(text: string, at: number): number {
  for (at += 1; text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1;
  return at + 1;
}

/** Without recursion: the nesting of a hostile file is no business of our stack. */
function endOfValue(text: string, at: number): number {
  let depth = 0;
  for (;;) {
    const char = text[at] ?? '';
    if (char === '"') at = endOfString(text, at);
    else if (char === '{' || char === '[') {
      depth += 1;
      at += 1;
    } else if (char === '}' || char === ']') {
      depth -= 1;
      at += 1;
    } else if (depth === 0) {
      while (/[^,\]}\s]/.test(text[at] ?? '')) at += 1;
    } else at += 1;
    if (depth === 0) return at;
  }
}
