import { DevaccessError } from '../platform/errors.ts';
import { askOnTerminal } from '../platform/terminal.ts';

/**
 * Asks on the terminal whether to go on; anything but yes is no.
 *
 * @param withoutTerminal what to do where there is none
 * @throws DevaccessError DA_CANCELLED for no, DA_NO_TERMINAL (exit 3)
 */
export async function confirm(message: string, withoutTerminal: string): Promise<void> {
  const answer = await askOnTerminal({
    message: `${message} (y/N)`,
    validate: (text) => /^\s*(y|yes|n|no|)\s*$/i.test(text) || 'yes or no, please',
    withoutTerminal,
  });
  if (/^\s*y/i.test(answer)) return;
  throw new DevaccessError('DA_CANCELLED', 'Cancelled; nothing was changed');
}
