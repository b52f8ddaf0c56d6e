import { askOnTerminal } from '../platform/terminal.ts';

/** Longer than any code; what writes more is not a code. */
const MAX_STDIN_CHARS = 1024;

/** Asks for the code of an MFA device on the terminal; a malformed one is asked for again. */
export async function askMfaCode(question: {
  device: string;
  /** Of which the session will be one. */
  role?: string | undefined;
  retry: string | undefined;
  next: string;
}): Promise<string> {
  const again = question.retry === undefined ? '' : `${question.retry}; take the next one. `;
  const purpose = question.role === undefined ? '' : ` (for ${question.role})`;
  const answer = await askOnTerminal({
    message: `${again}MFA code of ${question.device}${purpose}:`,
    validate: (text) => /^\s*\d{6}\s*$/.test(text) || 'six digits, please',
    withoutTerminal: question.next,
  });
  return answer.trim();
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
