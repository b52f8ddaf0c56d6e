const CTRL_D = Buffer.from([0x04]);
const ENTER_CTRL_D = Buffer.from([0x0a, 0x04]);
const LF = 0x0a;
const FIRST_AFTER_MS = 500;
const MAX_WAIT_MS = 10_000;

/**
 * Tells a terminal on the far end that a pipe on this end is at its end: by Ctrl-D, as a person
 * would. While a program runs a Ctrl-D is lost on the shell that waits for it, so it is typed again,
 * less and less often, whenever the far end has been quiet for a while.
 */
export class EndOfInput {
  readonly #type: (bytes: Buffer) => boolean;
  #isLineOpen = false;
  #heardAtMs = 0;
  #waitMs = FIRST_AFTER_MS;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** @param type sends bytes, or answers false when that cannot be done now */
  constructor(type: (bytes: Buffer) => boolean) {
    this.#type = type;
  }

  /** So much was sent. */
  typed(bytes: Buffer): void {
    this.#isLineOpen = bytes.at(-1) !== LF;
  }

  /** The far end has said something. */
  heard(): void {
    this.#heardAtMs = performance.now();
  }

  /** The pipe is at its end. */
  begin(): void {
    if (this.#isStopped) return;
    this.#timer ??= setTimeout(() => this.#attempt(), this.#waitMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #attempt(): void {
    const isQuiet = performance.now() - this.#heardAtMs >= FIRST_AFTER_MS;
    if (isQuiet && this.#type(this.#isLineOpen ? ENTER_CTRL_D : CTRL_D)) {
      this.#isLineOpen = false;
      this.#waitMs = Math.min(MAX_WAIT_MS, this.#waitMs * 2);
    }
    this.#timer = setTimeout(() => this.#attempt(), this.#waitMs);
  }
}
