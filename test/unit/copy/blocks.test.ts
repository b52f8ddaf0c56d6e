import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Blocks } from '../../../src/copy/blocks.ts';
import { RangeSet } from '../../../src/copy/range-set.ts';
import type { Range } from '../../../src/copy/range-set.ts';

const SIZE = 60;
const anyRange = fc
  .tuple(fc.nat({ max: SIZE }), fc.nat({ max: SIZE }))
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));

function bytesOf(ranges: readonly Range[]): boolean[] {
  return Array.from({ length: SIZE }, (_, at) =>
    ranges.some(({ from, to }) => from <= at && at < to),
  );
}

describe('a set of ranges', () => {
  it('holds exactly the bytes that were added, in as few ranges as can be', () => {
    fc.assert(
      fc.property(fc.array(anyRange), (added) => {
        const set = new RangeSet(added);
        const bytes = bytesOf(added);
        expect(bytesOf(set.ranges)).toEqual(bytes);
        expect(set.bytes).toBe(bytes.filter(Boolean).length);
        expect(bytesOf(set.gaps(SIZE))).toEqual(bytes.map((there) => !there));
        const edges = set.ranges.flatMap(({ from, to }) => [from, to]);
        expect(edges).toEqual([...new Set(edges)].sort((a, b) => a - b));
      }),
    );
  });

  it('has no gaps past the size that is asked for', () => {
    expect(new RangeSet([{ from: 2, to: 8 }]).gaps(5)).toEqual([{ from: 0, to: 2 }]);
    expect(new RangeSet([{ from: 7, to: 8 }]).gaps(5)).toEqual([{ from: 0, to: 5 }]);
  });
});

describe('blocks', () => {
  it('give out what is missing once, whatever fails on the way', () => {
    fc.assert(
      fc.property(
        fc.array(anyRange),
        fc.infiniteStream(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.boolean(), fc.boolean())),
        (had, chance) => {
          const have = new RangeSet(had);
          const missing = SIZE - have.bytes;
          const blocks = new Blocks(SIZE, have);
          const underWay: Range[] = [];
          let finished = 0;
          for (let step = 0; !blocks.isComplete; step += 1) {
            const [most, arrives, late] = chance.next().value as [number, boolean, boolean];
            const block = blocks.take(most);
            if (block !== undefined) {
              expect(block.to - block.from).toBeLessThanOrEqual(most);
              expect(underWay.some((other) => block.from < other.to && other.from < block.to)).toBe(
                false,
              );
              underWay.push(block);
            }
            const done = late ? underWay.shift() : underWay.pop();
            if (done === undefined) continue;
            if (!arrives && step < 200) blocks.giveBack(done);
            else {
              blocks.finish(done);
              finished += done.to - done.from;
            }
          }
          expect(finished).toBe(missing);
          expect(have.gaps(SIZE)).toEqual([]);
          expect(blocks.hasMore).toBe(false);
        },
      ),
    );
  });

  it('of an empty file are none, and complete', () => {
    const blocks = new Blocks(0, new RangeSet());
    expect([blocks.isComplete, blocks.hasMore, blocks.take(10)]).toEqual([true, false, undefined]);
  });
});
