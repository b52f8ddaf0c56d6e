import type { PseudoTtyInfo } from 'ssh2';
import {
  hasPseudoTerminals,
  terminalProgram,
  WITHOUT_TERMINAL,
} from '../process/pseudo-terminal.ts';
import type { ProgramStart } from '../process/pseudo-terminal.ts';

/** Variables a client may set, as an ordinary sshd accepts them. */
const ACCEPTED_VARIABLES = /^(LANG|LC_[A-Z]+|GIT_PROTOCOL|COLORTERM)$/;

/** Whether a client's variable reaches what it runs. */
export function acceptsVariable(name: string): boolean {
  return ACCEPTED_VARIABLES.test(name);
}

/**
 * What to start for an `exec` or `shell` request.
 * @param command the command line; undefined for a login shell
 * @param terminal the terminal the client asked for, if it did
 */
export function loginCommand(
  command: string | undefined,
  terminal: PseudoTtyInfo | undefined,
): ProgramStart {
  const shellCommand = command ?? 'exec "${SHELL:-/bin/sh}" -i';
  if (terminal === undefined || !hasPseudoTerminals()) {
    const args = command === undefined ? ['-i'] : ['-c', shellCommand];
    return { file: '/bin/sh', args, stdio: WITHOUT_TERMINAL };
  }
  return terminalProgram(shellCommand, terminal);
}
