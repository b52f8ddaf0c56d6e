/** `*`: any run of characters, none included. */
export const ANY = Symbol('*');
/** `?`: any one character. */
export const ONE = Symbol('?');

/** A pattern with its wildcards told from text: what came out of a variable is text. */
export type Pattern = readonly (string | typeof ANY | typeof ONE)[];

/** Reads `*` and `?` as wildcards; every other character stands for itself. */
export function wildcardPattern(text: string): Pattern {
  return Array.from(text, (character) =>
    character === '*' ? ANY : character === '?' ? ONE : character,
  );
}

/** One backtrack point instead of a regular expression: no pattern of a client takes exponential time. */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  const characters = Array.from(text);
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let resume = 0;
  while (at < characters.length) {
    const wanted = pattern[inPattern];
    if (wanted === ANY) {
      star = inPattern;
      inPattern += 1;
      resume = at;
    } else if (wanted === ONE || (wanted !== undefined && wanted === characters[at])) {
      inPattern += 1;
      at += 1;
    } else if (star !== -1) {
      resume += 1;
      at = resume;
      inPattern = star + 1;
    } else {
      return false;
    }
  }
  return pattern.slice(inPattern).every((part) => part === ANY);
}
