/** A place in a document; lines and columns count from 1. */
interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Span {
  readonly start: Position;
  readonly end: Position;
}

/**
 * Where the statements of a policy stand in its text, in their order: the simulator tells them by
 * position. The text must be valid JSON with a `Statement`.
 */
export function statementSpans(text: string): Span[] {
  const spans: Span[] = [];
  let depth = 0;
  let member = '';
  // Depth 1 is the document; its statements lie at 2, or at 3 within a list.
  let within: { level: number; start: number } | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      if (depth === 1 && within === undefined && isKey(text, end)) member = text.slice(at + 1, end);
      at = end;
    } else if (character === '{' || character === '[') {
      depth += 1;
      if (character === '{' && member === 'Statement' && within === undefined && depth > 1) {
        within = { level: depth, start: at };
      }
    } else if (character === '}' || character === ']') {
      if (within?.level === depth) {
        spans.push({ start: position(text, within.start), end: position(text, at + 1) });
        within = undefined;
      }
      depth -= 1;
    }
  }
  return spans;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function isKey(text: string, end: number): boolean {
  return /^\s*:/.test(text.slice(end + 1));
}

function position(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n') };
}
