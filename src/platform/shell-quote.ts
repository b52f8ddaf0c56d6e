/** A word for a POSIX shell, in single quotes, where nothing is expanded. Any text but NUL. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** As `shellQuote`, where the word needs it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : shellQuote(word);
}
