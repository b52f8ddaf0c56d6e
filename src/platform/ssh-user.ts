/**
 * Whether a text can be a login name that a person asks for: also one of a directory, such as
 * `first.last@corp`, and nothing that ssh could read as something else.
 */
export function isSshUser(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9._@-]{0,63}\$?$/.test(text);
}
