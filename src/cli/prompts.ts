import { askOnTerminal } from '../platform/terminal.ts';

/** Asks for the code of an MFA device on the terminal; a malformed one is asked for again. */
export async function askMfaCode(question: {
  device: string;
  retry: string | undefined;
  next: string;
}): Promise<string> {
  const again = question.retry === undefined ? '' : `${question.retry}; take the next one. `;
  const answer = await askOnTerminal({
    message: `${again}MFA code of ${question.device}:`,
    validate: (text) => /^\s*\d{6}\s*$/.test(text) || 'six digits, please',
    withoutTerminal: question.next,
  });
  return answer.trim();
}
