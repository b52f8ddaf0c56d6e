/** Bytes of a file from `from` up to, but not including, `to`. */
export interface Range {
  from: number;
  to: number;
}

/** Which bytes of a file are there: ranges in order, none touching another. */
export class RangeSet {
  #ranges: Range[] = [];

  constructor(ranges: Iterable<Range> = []) {
    for (const range of ranges) this.add(range);
  }

  add({ from, to }: Range): void {
    if (from >= to) return;
    const first = this.#indexFrom(from);
    let last = first;
    const merged = { from, to };
    for (; last < this.#ranges.length; last += 1) {
      const next = this.#ranges[last];
      if (next === undefined || next.from > to) break;
      merged.from = Math.min(merged.from, next.from);
      merged.to = Math.max(merged.to, next.to);
    }
    this.#ranges.splice(first, last - first, merged);
  }

  /** Bytes in all ranges. */
  get bytes(): number {
    return this.#ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  get ranges(): readonly Readonly<Range>[] {
    return this.#ranges;
  }

  /** What is missing of the first `size` bytes, in order. */
  gaps(size: number): Range[] {
    const gaps: Range[] = [];
    let from = 0;
    for (const range of this.#ranges) {
      if (range.from >= size) break;
      if (range.from > from) gaps.push({ from, to: range.from });
      from = range.to;
    }
    if (from < size) gaps.push({ from, to: size });
    return gaps;
  }

  /** The first range that ends at `from` or later. */
  #indexFrom(from: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.to ?? 0) < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
