/**
 * Splits a command line as the real agent does for commands without a terminal: into the words of a
 * shell, with its quotes, escapes and comments, but without anything else a shell does
 * (docs/protocol.md §6).
 *
 * @returns the words, or what is wrong
 */
export function commandWords(
  line: string,
): { ok: true; words: string[] } | { ok: false; reason: string } {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (char === "'" || char === '"') {
      const quoted = readQuoted(line, at);
      if (quoted === undefined) {
        return { ok: false, reason: 'EOF found when expecting closing quote' };
      }
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (char === '\\') {
      if (at + 1 === line.length) {
        return { ok: false, reason: 'EOF found after escape character' };
      }
      at += 1;
      word = (word ?? '') + line.charAt(at);
    } else if (/[ \t\r\n]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '#' && word === undefined) {
      const end = line.indexOf('\n', at);
      at = end < 0 ? line.length : end;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  return { ok: true, words };
}

/** The text between quotes that open at `at`, and where they close; a backslash escapes in `"` only. */
function readQuoted(line: string, at: number): { text: string; end: number } | undefined {
  const quote = line.charAt(at);
  let text = '';
  for (let end = at + 1; end < line.length; end += 1) {
    const char = line.charAt(end);
    if (char === quote) return { text, end };
    if (char === '\\' && quote === '"') {
      end += 1;
      text += line.charAt(end);
    } else text += char;
  }
  return undefined;
}
