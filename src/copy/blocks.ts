import { RangeSet } from './range-set.ts';
import type { Range } from './range-set.ts';

/**
 * Hands out what is still to be moved of one file, block by block, to whichever connection has room:
 * a fast one takes more, a dead one's blocks go to others, and the file's end waits for none.
 */
export class Blocks {
  readonly #size: number;
  readonly #gaps: Range[];
  readonly #done: RangeSet;
  #doneBytes: number;

  /** @param done what is there already; grows as blocks are finished */
  constructor(size: number, done: RangeSet) {
    this.#size = size;
    this.#gaps = done.gaps(size);
    this.#done = done;
    this.#doneBytes = done.bytes;
  }

  /** Whether {@link take} would give something. */
  get hasMore(): boolean {
    return this.#gaps.length > 0;
  }

  get isComplete(): boolean {
    return this.#doneBytes >= this.#size;
  }

  /** The next block, of `maxBytes` at most. */
  take(maxBytes: number): Range | undefined {
    const gap = this.#gaps[0];
    if (gap === undefined) return undefined;
    const to = Math.min(gap.from + maxBytes, gap.to);
    const block = { from: gap.from, to };
    if (to === gap.to) this.#gaps.shift();
    else gap.from = to;
    return block;
  }

  /** A block that was taken and did not get there. */
  giveBack(block: Range): void {
    this.#gaps.unshift({ ...block });
  }

  /** A block that was taken and is there. */
  finish(block: Range): void {
    this.#done.add(block);
    this.#doneBytes += block.to - block.from;
  }
}
