import { LiveRegion } from './live-region.ts';
import type { LiveTerminal } from './live-region.ts';
import { progressLine, RecentRate } from './progress-bar.ts';
import type { Progress } from './progress-bar.ts';

const REDRAW_MS = 250;

/** A progress bar on a terminal, redrawn four times a second, and lines said above it. */
export class ProgressDisplay {
  readonly #region: LiveRegion | undefined;
  readonly #terminal: LiveTerminal;
  readonly #rate = new RecentRate();
  #progress: Progress | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Where `terminal` is none, nothing is drawn; lines are said all the same. */
  constructor(terminal: LiveTerminal) {
    this.#terminal = terminal;
    const canDraw = terminal.isTTY === true && process.env['TERM'] !== 'dumb';
    this.#region = canDraw ? new LiveRegion(terminal, () => this.#draw()) : undefined;
  }

  /** How far it is; drawn soon. */
  update(progress: Progress): void {
    this.#progress = { ...progress };
    if (this.#region === undefined || this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }

  /** Says a line for good. */
  say(line: string): void {
    if (this.#region === undefined) this.#terminal.write(`${line}\n`);
    else this.#region.print(line);
  }

  /** Takes the bar away. */
  end(): void {
    clearInterval(this.#timer);
    this.#progress = undefined;
    this.#region?.draw([]);
    this.#region?.end();
  }

  #draw(): void {
    if (this.#region === undefined || this.#progress === undefined) return;
    this.#rate.sample(this.#progress.bytesDone, performance.now());
    const { columns } = this.#region;
    this.#region.draw([progressLine(this.#progress, this.#rate.bytesPerSecond, columns)]);
  }
}
