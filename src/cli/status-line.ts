import { LiveRegion } from './live-region.ts';
import type { LiveTerminal } from './live-region.ts';

const REDRAW_MS = 250;

/** One line on a terminal that says how far long work is; nothing where there is none. */
export class StatusLine {
  readonly #region: LiveRegion | undefined;
  #text = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: LiveTerminal) {
    const canDraw = terminal.isTTY === true && process.env['TERM'] !== 'dumb';
    this.#region = canDraw ? new LiveRegion(terminal, () => this.#draw()) : undefined;
  }

  /** Drawn soon; work that is done at once shows nothing. */
  update(text: string): void {
    this.#text = text;
    if (this.#region === undefined || this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }

  /** Takes the line away. */
  end(): void {
    clearInterval(this.#timer);
    this.#region?.draw([]);
    this.#region?.end();
  }

  #draw(): void {
    if (this.#region === undefined) return;
    this.#region.draw([this.#text.slice(0, this.#region.columns - 1)]);
  }
}
