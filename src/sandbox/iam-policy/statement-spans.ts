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
  let within: { level: number; start: Position } | undefined;
  let line = 1;
  let lineStart = 0;
  const position = (offset: number): Position => ({ line, column: offset - lineStart + 1 });
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      if (depth === 1 && within === undefined && isKey(text, end)) member = text.slice(at + 1, end);
      at = end;
    } else if (character === '{' || character === '[') {
      depth += 1;
      if (character === '{' && member === 'Statement' && within === undefined && depth > 1) {
        within = { level: depth, start: position(at) };
      }
    } else if (character === '}' || character === ']') {
      if (within?.level === depth) {
        spans.push({ start: within.start, end: position(at + 1) });
        within = undefined;
      }
      depth -= 1;
    } else if (character === '\n') {
      // Strings of JSON hold no line ends.
      line += 1;
      lineStart = at + 1;
    }
  }
  return spans;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

/** Whether a colon follows the string that ends here. */
function isKey(text: string, end: number): boolean {
  const colon = /\s*:/y;
  colon.lastIndex = end + 1;
  return colon.test(text);
}
