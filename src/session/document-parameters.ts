import { DevaccessError, EXIT } from '../platform/errors.ts';

/**
 * Reads `--parameter NAME=VALUE`, given any number of times; a name given again gets a further value.
 *
 * @throws DevaccessError DA_USAGE
 */
export function parseDocumentParameters(texts: readonly string[]): Record<string, string[]> {
  const parameters = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1) {
      throw new DevaccessError('DA_USAGE', `'${text}' is not NAME=VALUE.`, {
        next: 'give --parameter NAME=VALUE as the session document names it.',
        exitCode: EXIT.usage,
      });
    }
    const name = text.slice(0, at);
    parameters.set(name, [...(parameters.get(name) ?? []), text.slice(at + 1)]);
  }
  return Object.fromEntries(parameters);
}
