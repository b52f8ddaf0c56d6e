import { chooseOnTerminal } from '../../platform/terminal.ts';
import type { Choice } from '../../platform/terminal.ts';

export const COMMAND = 'devaccess setup';
const WITHOUT_TERMINAL =
  `run ${COMMAND} --profile P --region R --route auto --bastion auto --yes, ` +
  `or ${COMMAND} in a terminal`;

/** @throws DevaccessError DA_NO_TERMINAL (exit 3), DA_CANCELLED */
export function choose(message: string, choices: readonly Choice[]): Promise<string> {
  const matching = (typed: string): Choice[] =>
    choices.filter(({ name }) => name.toLowerCase().includes(typed.toLowerCase()));
  return chooseOnTerminal(message, matching, WITHOUT_TERMINAL);
}

export function choice(value: string, description: string): Choice {
  return { value, name: value, description };
}
