const TILDE = 0x7e;
const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const QUESTION_MARK = 0x3f;
const CTRL_Z = 0x1a;

/** What the person asks this end for, with `~` at the beginning of a line. */
export type EscapeRequest = 'leave' | 'help' | 'suspend';

export const ESCAPE_HELP = [
  'Supported escapes, after Enter:',
  '  ~.   leave: end the session',
  '  ~^Z  suspend devaccess',
  '  ~~   a tilde',
  '  ~?   this text',
];

/**
 * Finds ssh's escapes in what is typed: a tilde at the beginning of a line, and what it asks for.
 * Works byte by byte, so it does not matter how the input is cut.
 */
export class EscapeFilter {
  #state: 'line-start' | 'tilde' | 'line' = 'line-start';

  /** The bytes for the far end, and requests at the places where they were typed. */
  take(input: Buffer): (Buffer | EscapeRequest)[] {
    const parts: (Buffer | EscapeRequest)[] = [];
    let bytes: number[] = [];
    const request = (what: EscapeRequest): void => {
      if (bytes.length > 0) parts.push(Buffer.from(bytes));
      bytes = [];
      parts.push(what);
      this.#state = 'line-start';
    };
    for (const byte of input) {
      if (this.#state === 'tilde') {
        if (byte === DOT) request('leave');
        else if (byte === QUESTION_MARK) request('help');
        else if (byte === CTRL_Z) request('suspend');
        else {
          // `~~` is one tilde; anything else was no escape.
          bytes.push(TILDE);
          if (byte !== TILDE) bytes.push(byte);
          this.#state = isLineEnd(byte) ? 'line-start' : 'line';
        }
        continue;
      }
      if (this.#state === 'line-start' && byte === TILDE) {
        this.#state = 'tilde';
        continue;
      }
      bytes.push(byte);
      this.#state = isLineEnd(byte) ? 'line-start' : 'line';
    }
    if (bytes.length > 0) parts.push(Buffer.from(bytes));
    return parts;
  }
}

function isLineEnd(byte: number): boolean {
  return byte === CR || byte === LF;
}
