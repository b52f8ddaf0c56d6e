/** Exit codes every command keeps (docs/errors.md). */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** The person must act: credentials expired, no terminal to ask on. */
  needsPerson: 3,
  partial: 4,
  /** `devaccess exec`: as shells and env(1) tell it. */
  commandNotRun: 126,
  commandNotFound: 127,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Stable machine-readable error codes; documented one by one in docs/errors.md. */
export type ErrorCode = `DA_${string}`;

interface DevaccessErrorOptions {
  /** What the person should do next, as one sentence or a command. */
  next?: string;
  exitCode?: ExitCode;
  cause?: unknown;
}

/**
 * An error meant for a person: a stable code, what failed for whom, and the next step.
 * The text never holds a secret: whoever throws one builds the message from public facts only.
 */
export class DevaccessError extends Error {
  readonly code: ErrorCode;
  readonly next: string | undefined;
  readonly exitCode: ExitCode;

  constructor(code: ErrorCode, message: string, options: DevaccessErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'DevaccessError';
    this.code = code;
    this.next = options.next;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/**
 * The one-line form of an error for stderr: `message [CODE]. Next: step`.
 * Control characters are replaced, as parts of messages come from peers.
 */
export function errorLine(error: unknown): string {
  if (error instanceof DevaccessError) {
    const next = error.next === undefined ? '' : ` Next: ${error.next}`;
    return printable(`${error.message} [${error.code}]${next}`);
  }
  return printable(error instanceof Error ? error.message : String(error));
}

/** Control characters (also C1), and those that turn the direction of what follows or break it. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;

/** Text from a peer, made safe for a terminal: what could steer it becomes `?`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (run) => (/^[\r\n\t]+$/.test(run) ? ' ' : '?'));
}

/** JSON for a program or a terminal: the same value, with what could steer a terminal escaped. */
export function printableJson(value: unknown): string {
  // Line breaks here are the ones between values: inside of text they are escaped already.
  return JSON.stringify(value, null, 2).replace(UNPRINTABLE, (run) =>
    run.startsWith('\n') ? run : run.replace(/./gs, escaped),
  );
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
