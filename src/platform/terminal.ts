import { closeSync, openSync } from 'node:fs';
import { ReadStream, WriteStream } from 'node:tty';
import { DevaccessError, EXIT } from './errors.ts';
import { withSignalCleanup } from './signals.ts';

/** The terminal the person sits at, whatever stdin and stdout are. */
interface Terminal extends Streams {
  close(): void;
}

interface Streams {
  input: ReadStream;
  output: WriteStream;
}

export interface Question {
  message: string;
  /** Do not show what is typed. Default false. */
  hidden?: boolean;
  /** True, or what is wrong with the answer; the question then stays open. */
  validate?: (answer: string) => true | string;
  /** What to do where there is no terminal: a command to run in one. */
  withoutTerminal: string;
}

/**
 * Asks on the terminal device, never on stdin or stdout: those may carry data.
 *
 * @throws DevaccessError DA_NO_TERMINAL (exit 3) where there is none, DA_CANCELLED on Ctrl-C and Ctrl-D
 */
export async function askOnTerminal(question: Question): Promise<string> {
  const prompt = question.hidden === true ? await hiddenPrompt() : await visiblePrompt();
  const { message, validate = (): true => true } = question;
  return onTerminal(question.withoutTerminal, (terminal) =>
    prompt({ message, validate }, terminal),
  );
}

export interface Choice {
  value: string;
  /** What the list shows. */
  name: string;
  /** Shown below the list while this one is under the cursor. */
  description: string;
}

/**
 * Lets the person choose from a list that becomes shorter with each key.
 *
 * @param search what the list holds for the text typed so far, the best first
 * @throws DevaccessError DA_NO_TERMINAL (exit 3) where there is no terminal, DA_CANCELLED on Ctrl-C and Ctrl-D
 */
export async function chooseOnTerminal(
  message: string,
  search: (typed: string) => readonly Choice[],
  withoutTerminal: string,
): Promise<string> {
  const { default: prompt } = await import('@inquirer/search');
  let shown: readonly Choice[] = [];
  const source = (typed: string | undefined): readonly Choice[] => (shown = search(typed ?? ''));
  for (;;) {
    const answer = await onTerminal(withoutTerminal, (terminal) =>
      prompt({ message, source, pageSize: 12 }, terminal),
    );
    // Enter right behind a letter takes what was first before that letter, which is not what is seen.
    if (shown.some(({ value }) => value === answer)) return answer;
  }
}

/** How many characters a terminal shows. */
export interface TerminalSize {
  columns: number;
  rows: number;
}

/**
 * Writes to the terminal device, whatever stdout and stderr are: what is for the person's eyes alone.
 *
 * @param text may have escapes that are known to be harmless, and nothing that a peer could choose
 * @throws DevaccessError DA_NO_TERMINAL (exit 3)
 */
export async function showOnTerminal(
  text: (size: TerminalSize) => string,
  withoutTerminal: string,
): Promise<void> {
  const terminal = openTerminal(withoutTerminal);
  try {
    const { output } = terminal;
    const { columns, rows } = output;
    const size = { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
    await new Promise<void>((resolve, reject) => {
      output.write(text(size), (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    terminal.close();
  }
}

async function onTerminal(
  withoutTerminal: string,
  ask: (streams: Streams & { signal: AbortSignal }) => Promise<string>,
): Promise<string> {
  const terminal = openTerminal(withoutTerminal);
  try {
    const { input, output } = terminal;
    // Ctrl-D ends the line editor, and nobody would ever answer.
    const ended = new AbortController();
    input.once('pause', () => ended.abort());
    // A terminal left in raw mode would show nothing of what is typed next.
    return await withSignalCleanup(
      () => input.setRawMode(false),
      () => ask({ input, output, signal: ended.signal }),
    );
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (name !== 'ExitPromptError' && name !== 'AbortPromptError') throw error;
    throw new DevaccessError('DA_CANCELLED', 'Cancelled; nothing was changed', { cause: error });
  } finally {
    terminal.close();
  }
}

type Prompt = (
  config: { message: string; validate: (answer: string) => true | string },
  context: Streams & { signal: AbortSignal },
) => Promise<string>;

async function visiblePrompt(): Promise<Prompt> {
  const { default: input } = await import('@inquirer/input');
  // Else a wrong answer stays in the line, and the next one is typed behind it.
  const theme = { validationFailureMode: 'clear' as const };
  return ({ message, validate }, context) => input({ message, validate, theme }, context);
}

async function hiddenPrompt(): Promise<Prompt> {
  return (await import('@inquirer/password')).default;
}

function openTerminal(withoutTerminal: string): Terminal {
  const isWindows = process.platform === 'win32';
  const opened: number[] = [];
  try {
    const inputFd = openSync(isWindows ? '\\\\.\\CONIN$' : '/dev/tty', 'r+');
    opened.push(inputFd);
    const outputFd = openSync(isWindows ? '\\\\.\\CONOUT$' : '/dev/tty', 'r+');
    opened.push(outputFd);
    const input = new ReadStream(inputFd);
    const output = new WriteStream(outputFd);
    return {
      input,
      output,
      close: () => {
        input.setRawMode(false);
        input.destroy();
        output.destroy();
      },
    };
  } catch (error) {
    for (const descriptor of opened) closeSync(descriptor);
    throw new DevaccessError('DA_NO_TERMINAL', 'There is no terminal to ask on', {
      next: withoutTerminal,
      exitCode: EXIT.needsPerson,
      cause: error,
    });
  }
}
