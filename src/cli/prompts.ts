import { askpassProgram, askWithProgram } from '../platform/askpass.ts';
import { DevaccessError } from '../platform/errors.ts';
import { hasTerminal } from '../platform/has-terminal.ts';
import { askOnTerminal } from '../platform/terminal.ts';

/** Longer than any code; what writes more is not a code. */
const MAX_STDIN_CHARS = 1024;
const SIX_DIGITS = 'six digits, please';
/** A program that goes on answering nonsense is not asked for ever. */
const MAX_MALFORMED = 3;

/**
 * Asks for the code of an MFA device on the terminal, or with the program that stands in for it
 * (SSH_ASKPASS, DEVACCESS_ASKPASS); a malformed one is asked for again.
 */
export async function askMfaCode(question: {
  device: string;
  /** Of which the session will be one. */
  role?: string | undefined;
  retry: string | undefined;
  next: string;
}): Promise<string> {
  const again = question.retry === undefined ? '' : `${question.retry}; take the next one. `;
  const purpose = question.role === undefined ? '' : ` (for ${question.role})`;
  const message = `${again}MFA code of ${question.device}${purpose}:`;
  const program = askpassProgram(process.env, hasTerminal());
  if (program !== undefined) return askCodeWith(program, message, question.next);
  const answer = await askOnTerminal({
    message,
    validate: (text) => isCode(text) || SIX_DIGITS,
    withoutTerminal: question.next,
  });
  return answer.trim();
}

async function askCodeWith(program: string, message: string, next: string): Promise<string> {
  let text = message;
  for (let tries = 0; tries < MAX_MALFORMED; tries += 1) {
    const answer = await askWithProgram(program, text, next);
    if (isCode(answer)) return answer.trim();
    text = `${SIX_DIGITS}. ${message}`;
  }
  throw new DevaccessError('DA_CANCELLED', `${program} answered with no code`, { next });
}

function isCode(text: string): boolean {
  return /^\s*\d{6}\s*$/.test(text);
}

/** Asks one question of `devaccess mfa --setup`. */
export function askForSetup(question: {
  message: string;
  hidden?: boolean;
  validate: (answer: string) => true | string;
}): Promise<string> {
  return askOnTerminal({ ...question, withoutTerminal: 'run devaccess mfa --setup in a terminal' });
}

/** The first line of stdin, for `--token -`: so that a code is in no process list. */
export async function readCodeFromStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_STDIN_CHARS) break;
  }
  return (text.split('\n')[0] ?? '').trim();
}
