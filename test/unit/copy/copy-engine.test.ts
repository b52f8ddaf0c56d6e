import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Blocks } from '../../../src/copy/blocks.ts';
import { CopyEngine } from '../../../src/copy/copy-engine.ts';
import { FileFailure } from '../../../src/copy/failures.ts';
import type { CopyFailure } from '../../../src/copy/failures.ts';
import type { FileCopy } from '../../../src/copy/file-copy.ts';
import { RangeSet } from '../../../src/copy/range-set.ts';
import type { Range } from '../../../src/copy/range-set.ts';
import type { SftpConnection } from '../../../src/copy/ssh/sftp-connection.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';

/** A connection that is nothing but open or gone. */
class Line {
  isOpen = true;
  readonly gone: Promise<Error>;
  #cut: (reason: Error) => void = () => undefined;

  constructor() {
    this.gone = new Promise((resolve) => {
      this.#cut = resolve;
    });
  }

  cut(): void {
    this.isOpen = false;
    this.#cut(new Error('cut'));
  }
}

/** Decides what becomes of each step: it works, it fails, or its connection is cut in the middle. */
type Fate = (step: string, line: Line) => Promise<void>;

class FakeCopy implements FileCopy {
  readonly shown: string;
  blocks: Blocks | undefined;
  readonly steps: string[] = [];
  left = 0;
  readonly #size: number;
  readonly #fate: Fate;
  #rounds: number;

  constructor(shown: string, size: number, fate: Fate, rounds = 1) {
    this.shown = shown;
    this.#size = size;
    this.#fate = fate;
    this.#rounds = rounds;
  }

  get isSmall(): boolean {
    return this.#size <= 10;
  }

  blockBytes(): number {
    return 10;
  }

  async prepare(connection: SftpConnection): Promise<void> {
    await this.#fate('prepare', connection as unknown as Line);
    this.blocks = new Blocks(this.#size, new RangeSet());
  }

  async move(connection: SftpConnection, block: Range): Promise<number> {
    await this.#fate('move', connection as unknown as Line);
    this.steps.push(`${block.from}-${block.to}`);
    return block.to - block.from;
  }

  async settle(connection: SftpConnection): Promise<boolean> {
    await this.#fate('settle', connection as unknown as Line);
    this.#rounds -= 1;
    this.steps.push('settle');
    if (this.#rounds > 0) this.blocks = new Blocks(this.#size, new RangeSet());
    return this.#rounds === 0;
  }

  giveUp(): Promise<void> {
    return this.leave();
  }

  leave(): Promise<void> {
    this.left += 1;
    return Promise.resolve();
  }
}

const works: Fate = () => new Promise((resolve) => setImmediate(resolve));

function engineFor(copies: FakeCopy[]): {
  engine: CopyEngine<FakeCopy>;
  done: string[];
  failures: CopyFailure[];
  bytes: () => number;
} {
  const done: string[] = [];
  const failures: CopyFailure[] = [];
  let bytes = 0;
  const engine = new CopyEngine<FakeCopy>(copies, {
    now: () => performance.now(),
    onBytes: (moved) => (bytes += moved),
    onFile: ({ shown }) => done.push(shown),
    onFailure: (failure) => failures.push(failure),
  });
  return { engine, done, failures, bytes: () => bytes };
}

const attach = (engine: CopyEngine<FakeCopy>, line: Line): void =>
  engine.attach(line as unknown as SftpConnection);

describe('the engine of a copy', () => {
  it('moves every block of every file, and then settles it', async () => {
    const copies = [new FakeCopy('a', 25, works), new FakeCopy('b', 0, works)];
    const { engine, done, bytes } = engineFor(copies);
    attach(engine, new Line());
    attach(engine, new Line());
    await engine.run();
    expect(done.sort()).toEqual(['a', 'b']);
    expect(copies[0]!.steps).toEqual(['0-10', '10-20', '20-25', 'settle']);
    expect(copies[1]!.steps).toEqual(['settle']);
    expect(bytes()).toBe(25);
  });

  it('moves blocks again where settling finds that to be necessary', async () => {
    const copy = new FakeCopy('a', 15, works, 2);
    const { engine } = engineFor([copy]);
    attach(engine, new Line());
    await engine.run();
    expect(copy.steps).toEqual(['0-10', '10-15', 'settle', '0-10', '10-15', 'settle']);
  });

  it('ends at once without files', async () => {
    await engineFor([]).engine.run();
  });

  it('copies all, whichever connections are cut, as long as new ones come', async () => {
    const chances = fc.infiniteStream(fc.nat({ max: 9 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 95 }), { maxLength: 40 }),
        chances,
        async (sizes, chance) => {
          const fate: Fate = async (_, line) => {
            await works('', line);
            if (line.isOpen && chance.next().value === 0) {
              line.cut();
              const next = new Line();
              setImmediate(() => attach(engine, next));
            }
            // What was asked of a connection that is gone fails, as the SFTP client sees to.
            if (!line.isOpen) throw new Error('cut');
          };
          const copies = sizes.map((size, index) => new FakeCopy(`f${index}`, size, fate));
          const { engine, done, failures, bytes } = engineFor(copies);
          attach(engine, new Line());
          attach(engine, new Line());
          await engine.run();
          expect(failures).toEqual([]);
          expect(done.length).toBe(sizes.length);
          expect(bytes()).toBe(sizes.reduce((sum, size) => sum + size, 0));
          for (const [index, { steps }] of copies.entries()) {
            expect(steps.filter((step) => step === 'settle')).toHaveLength(1);
            expect(new Set(steps).size).toBe(steps.length);
            expect(steps).toHaveLength(Math.ceil(sizes[index]! / 10) + 1);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each(['prepare', 'move', 'settle'])(
    'goes on with the others when one fails to %s',
    async (at) => {
      const fails: Fate = async (step, line) => {
        await works(step, line);
        if (step === at) throw new FileFailure('DA_REMOTE_PERMISSION', 'no');
      };
      const copies = [new FakeCopy('bad', 55, fails), new FakeCopy('good', 25, works)];
      const { engine, done, failures } = engineFor(copies);
      attach(engine, new Line());
      await engine.run();
      expect(done).toEqual(['good']);
      expect(failures).toMatchObject([{ path: 'bad', error: { code: 'DA_REMOTE_PERMISSION' } }]);
      expect(copies[0]!.left).toBe(1);
    },
  );

  it.each([
    ['a full disk', new DevaccessError('DA_DISK_FULL', 'full')],
    ['a fault of its own', new TypeError('fault')],
  ])('ends with %s, and leaves what is open', async (_, error) => {
    const copies = [
      new FakeCopy('a', 25, () => Promise.reject(error)),
      new FakeCopy('b', 1000, () => new Promise(() => undefined)),
    ];
    const { engine } = engineFor(copies);
    attach(engine, new Line());
    await expect(engine.run()).rejects.toBe(error);
    expect(copies.map(({ left }) => left)).toEqual([1, 1]);
  });

  it('ends when it is told that no connection will come any more', async () => {
    const { engine } = engineFor([new FakeCopy('a', 25, works)]);
    const error = new DevaccessError('DA_COPY_INTERRUPTED', 'gone');
    const ran = engine.run();
    engine.abort(error);
    await expect(ran).rejects.toBe(error);
  });

  it('leaves no room unused: a slow connection delays only what it holds', async () => {
    const slow = new Line();
    const fate: Fate = (step, line) =>
      line === slow && step === 'move' ? new Promise(() => undefined) : works(step, line);
    const copy = new FakeCopy('a', 10_000, fate);
    const { engine, bytes } = engineFor([copy]);
    attach(engine, slow);
    attach(engine, new Line());
    void engine.run();
    // 64 small requests fit into the first window of the one that hangs.
    while (bytes() < 10_000 - 64 * 10) await works('', slow);
  });
});
