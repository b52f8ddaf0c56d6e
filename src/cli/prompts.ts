import { askpassProgram, askWithProgram } from '../platform/askpass.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
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
async function askMfaCode(question: {
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
  const validate = (text: string): true | string => isCode(text) || SIX_DIGITS;
  const answer =
    program === undefined
      ? await askOnTerminal({ message, validate, withoutTerminal: question.next })
      : await askWith(program, message, validate, question.next);
  return answer.trim();
}

/** An answer that is none is asked for again, with the reason. */
async function askWith(
  program: string,
  message: string,
  validate: (answer: string) => true | string,
  next: string,
): Promise<string> {
  let text = message;
  for (let tries = 0; tries < MAX_MALFORMED; tries += 1) {
    const answer = await askWithProgram(program, text, next);
    const verdict = validate(answer);
    if (verdict === true) return answer;
    text = `${verdict}. ${message}`;
  }
  throw new DevaccessError('DA_CANCELLED', `${program} answered with nothing of use`, { next });
}

function isCode(text: string): boolean {
  return /^\s*\d{6}\s*$/.test(text);
}

interface SetupQuestion {
  message: string;
  hidden?: boolean;
  validate: (answer: string) => true | string;
}

/** Asks one question of a command that sets something up. @param command such as `devaccess mfa --setup` */
export function askForSetup(question: SetupQuestion, command: string): Promise<string> {
  return askOnTerminal({ ...question, withoutTerminal: `run ${command} in a terminal` });
}

/**
 * Asks for what is not shown while it is typed, such as a passphrase, on the terminal or with the
 * program that stands in for it.
 */
async function askSecret({
  message,
  validate = () => true,
  withoutTerminal,
}: {
  message: string;
  validate?: (answer: string) => true | string;
  withoutTerminal: string;
}): Promise<string> {
  const program = askpassProgram(process.env, hasTerminal());
  if (program === undefined) {
    return askOnTerminal({ message, hidden: true, validate, withoutTerminal });
  }
  return askWith(program, message, validate, withoutTerminal);
}

export const ASK_PERSON = { askCode: askMfaCode, askSecret };

/** For `--no-ask`: every question is an error, DA_NO_TERMINAL. */
export const ASK_NOBODY = {
  askCode: ({ next }: { next: string }): Promise<string> => refuseToAsk(next),
  askSecret: ({ withoutTerminal }: { withoutTerminal: string }): Promise<string> =>
    refuseToAsk(withoutTerminal),
};

function refuseToAsk(next: string): Promise<never> {
  const exitCode = EXIT.needsPerson;
  return Promise.reject(
    new DevaccessError('DA_NO_TERMINAL', 'Nobody is to be asked', { next, exitCode }),
  );
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
