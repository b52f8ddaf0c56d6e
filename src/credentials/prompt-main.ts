/**
 * Entry of its own for `devaccess status --prompt`: a shell runs it before every prompt, so it must
 * start about as fast as Node itself does (test/bench/prompt.ts).
 */
import { parseArgs } from 'node:util';
import { printable } from '../platform/errors.ts';
import { usedCredentials } from './profile-end.ts';
import { promptText } from './prompt-text.ts';

/**
 * Prints the text for a prompt; nothing where the files cannot be read, as a prompt is no place for
 * errors.
 *
 * @param argv what follows `status`
 * @returns false, with nothing done, for arguments that are for the whole command
 */
export function promptMain(argv: string[]): boolean {
  const profile = readProfile(argv);
  if (profile === null) return false;
  let text = '';
  try {
    text = promptText(usedCredentials(profile, process.env), Date.now());
  } catch {
    // Every other command says what is wrong.
  }
  if (text !== '') process.stdout.write(`${printable(text)}\n`);
  return true;
}

/** `--profile`, undefined without one; null for anything else. */
function readProfile(args: string[]): string | undefined | null {
  const options = { prompt: { type: 'boolean' }, profile: { type: 'string' } } as const;
  try {
    return parseArgs({ args, options }).values.profile;
  } catch {
    return null;
  }
}
