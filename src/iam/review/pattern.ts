/** Patterns of IAM: `*` is any text, `?` one character, `${*}`, `${?}` and `${$}` these characters. */

/** Values of policy variables: undefined where the request has none, null where nobody knows. */
export type Variables = (name: string) => string | undefined | null;

/** A pattern taken apart. */
export type Pattern = readonly Piece[];

type Piece = { kind: 'text'; char: string } | { kind: 'one' } | { kind: 'any' };

/**
 * A pattern with its variables filled in. What a variable brings is text, never a wildcard.
 *
 * @returns undefined where a variable has no value: then nothing matches. Null where it is not known
 */
export function readPattern(
  text: string,
  variables: Variables | undefined,
): Pattern | undefined | null {
  const pieces: Piece[] = [];
  const parts = variables === undefined ? [text] : text.split(/(\$\{[^}]*\})/);
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 0) {
      for (const char of part) {
        pieces.push(
          char === '*' ? { kind: 'any' } : char === '?' ? { kind: 'one' } : { kind: 'text', char },
        );
      }
      continue;
    }
    const value = valueOf(part.slice(2, -1), variables);
    if (typeof value !== 'string') return value;
    for (const char of value) pieces.push({ kind: 'text', char });
  }
  return pieces;
}

function valueOf(inside: string, variables: Variables | undefined): string | undefined | null {
  if (inside === '*' || inside === '?' || inside === '$') return inside;
  const [, name = inside, fallback] = /^([^,]+?)\s*,\s*'(.*)'$/.exec(inside) ?? [];
  const value = variables?.(name.trim());
  return value === undefined ? fallback : value;
}

/** Whether a text is of a pattern; without backtracking that could take long. */
export function matches(pattern: Pattern, text: string, ignoreCase = false): boolean {
  const chars = Array.from(ignoreCase ? text.toLowerCase() : text);
  let at = 0;
  let piece = 0;
  let star = -1;
  let resume = 0;
  while (at < chars.length) {
    const current = pattern[piece];
    if (current?.kind === 'any') {
      star = piece;
      resume = at;
      piece += 1;
    } else if (current !== undefined && fits(current, chars[at], ignoreCase)) {
      piece += 1;
      at += 1;
    } else if (star >= 0) {
      piece = star + 1;
      resume += 1;
      at = resume;
    } else {
      return false;
    }
  }
  while (pattern[piece]?.kind === 'any') piece += 1;
  return piece === pattern.length;
}

function fits(piece: Piece, char: string | undefined, ignoreCase: boolean): boolean {
  if (piece.kind !== 'text') return true;
  return (ignoreCase ? piece.char.toLowerCase() : piece.char) === char;
}

/** As `matches`, for a pattern without variables; actions do not tell case. */
export function matchesAction(pattern: string, action: string): boolean {
  return matches(readPattern(pattern, undefined) ?? [], action, true);
}
