import { spawnSync } from 'node:child_process';
import type { ReadStream, WriteStream } from 'node:tty';

const DEFAULT_SIZE = { cols: 80, rows: 24 };

/** The terminal that a person types on. */
export class LocalTerminal {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  #isRaw = false;

  constructor(input: ReadStream, output: WriteStream) {
    this.#input = input;
    this.#output = output;
  }

  get isRaw(): boolean {
    return this.#isRaw;
  }

  /** In character cells. */
  get size(): { cols: number; rows: number } {
    if (!this.#output.isTTY) return DEFAULT_SIZE;
    const [cols, rows] = this.#output.getWindowSize();
    // Some terminals do not know their size.
    return cols > 0 && rows > 0 ? { cols, rows } : DEFAULT_SIZE;
  }

  /** Every key as it is, and the screen as the far end draws it. */
  makeRaw(): void {
    this.#isRaw = true;
    this.#input.setRawMode(true);
    // Node leaves the output's translation of line feeds on, which full-screen programs do not
    // expect. Where there is no stty(1) the person gets Node's mode.
    if (process.platform !== 'win32') {
      spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
    }
  }

  /** As it was. Node itself does the same on every exit that it sees. */
  restore(): void {
    if (!this.#isRaw) return;
    this.#isRaw = false;
    this.#input.setRawMode(false);
  }
}
