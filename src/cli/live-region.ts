import { isInForeground } from '../platform/has-terminal.ts';

/** A terminal as `process.stderr` is one. */
export interface LiveTerminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): boolean;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** A shell behind us would be scribbled on: a job in the background does not draw. */
type ForegroundTest = () => boolean;

/**
 * The last lines of a terminal, drawn again in place; what is said for good scrolls by above them.
 * No line wraps, as one that did would be one line more than is known here.
 */
export class LiveRegion {
  readonly #terminal: LiveTerminal;
  readonly #isForeground: ForegroundTest;
  readonly #onResize: () => void;
  #drawn: string[] = [];

  constructor(terminal: LiveTerminal, onResize: () => void, isForeground = isInForeground) {
    this.#terminal = terminal;
    this.#isForeground = isForeground;
    this.#onResize = onResize;
    terminal.on('resize', onResize);
  }

  get columns(): number {
    return known(this.#terminal.columns) ?? 80;
  }

  /** Puts `lines` in the place of those drawn before. They may have colours, and no other escapes. */
  draw(lines: readonly string[]): void {
    if (!this.#isForeground()) {
      this.forget();
      return;
    }
    const shown = this.#fitted(lines);
    if (shown.length === this.#drawn.length && shown.every((line, at) => line === this.#drawn[at]))
      return;
    this.#replace('', shown);
  }

  /** Says something for good, above the region. */
  print(text: string): void {
    if (!this.#isForeground()) this.forget();
    this.#replace(`${text}\n`, this.#drawn);
  }

  /** Others have written below the region: what was drawn stays, and the next is drawn anew. */
  forget(): void {
    this.#drawn = [];
  }

  /** Leaves what was drawn last where it is. */
  end(): void {
    this.#terminal.off('resize', this.#onResize);
  }

  /** What was drawn may take more rows by now, where the terminal has become narrower. */
  #replace(before: string, lines: string[]): void {
    const rows = this.#drawn.reduce((sum, line) => sum + this.#rowsOf(line), 0);
    const back = rows === 0 ? '' : `\u001b[${rows}A\r\u001b[J`;
    const text = lines.map((line) => `${line}\n`).join('');
    // Wrapping is off while the region is drawn only.
    const region = lines.length === 0 ? '' : `\u001b[?7l${text}\u001b[?7h`;
    this.#terminal.write(back + before + region);
    this.#drawn = [...lines];
  }

  #rowsOf(line: string): number {
    const { length } = line.replace(/\u001b\[[\d;]*m/g, '');
    return Math.max(1, Math.ceil(length / this.columns));
  }

  /** The cursor cannot go back above the top of the screen. */
  #fitted(lines: readonly string[]): string[] {
    const room = Math.max(1, (known(this.#terminal.rows) ?? 24) - 1);
    if (lines.length <= room) return [...lines];
    return [...lines.slice(0, room - 1), `(${lines.length - room + 1} more lines)`];
  }
}

/** A terminal that does not know its size says 0. */
function known(size: number | undefined): number | undefined {
  return size === 0 ? undefined : size;
}
