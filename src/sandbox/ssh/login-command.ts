import { existsSync } from 'node:fs';
import type { PseudoTtyInfo } from 'ssh2';

const SCRIPT = '/usr/bin/script';

/** Variables a client may set, as an ordinary sshd accepts them. */
const ACCEPTED_VARIABLES = /^(LANG|LC_[A-Z]+|GIT_PROTOCOL|COLORTERM)$/;

export interface LoginCommand {
  file: string;
  args: string[];
}

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
): LoginCommand {
  const shellCommand = command ?? 'exec "${SHELL:-/bin/sh}" -i';
  if (terminal === undefined || !hasScript()) {
    return { file: '/bin/sh', args: command === undefined ? ['-i'] : ['-c', shellCommand] };
  }
  // A real terminal without native code: script(1) makes one, and stty gives it the client's size.
  const size = `stty rows ${terminal.rows} cols ${terminal.cols} 2>/dev/null`;
  return { file: SCRIPT, args: ['-qec', `${size}; ${shellCommand}`, '/dev/null'] };
}

function hasScript(): boolean {
  // The BSDs' script takes other arguments.
  return process.platform === 'linux' && existsSync(SCRIPT);
}
