import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal, withJournal } from '../../../src/copy/journal.ts';
import type { FilePlan } from '../../../src/copy/plan.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'devaccess-journal-'));
  path = join(folder, 'journal.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function plan(version = '100:1', destination = '/there/a'): FilePlan {
  const facts = { type: 'file', size: 100, mode: 0o644, atimeS: 1, mtimeS: 1, version } as const;
  return { source: '/here/a', destination, facts };
}

/** A run that was killed half-way through its file. */
function killedRun(): string {
  const journal = new Journal(path, true);
  const record = journal.recordOf(plan());
  const partial = record.begin('/there/a', 'a');
  record.add({ from: 0, to: 30 }, 1_000);
  record.add({ from: 30, to: 60 }, 2_000);
  return partial;
}

describe('the journal of a copy', () => {
  it('tells the next run what is there', () => {
    const partial = killedRun();
    const journal = new Journal(path, true);
    const record = journal.recordOf(plan());
    expect(record.partial).toBe(partial);
    expect(record.have.ranges).toEqual([{ from: 0, to: 60 }]);
    expect(record.isDone).toBe(false);
    expect(journal.abandonedPartial(plan())).toBeUndefined();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('gives up what belongs to another state of the source, or was asked to', () => {
    const partial = killedRun();
    for (const [journal, file] of [
      [new Journal(path, true), plan('100:2')],
      [new Journal(path, false), plan()],
    ] as const) {
      expect(journal.abandonedPartial(file)).toBe(partial);
      const record = journal.recordOf(file);
      expect([record.partial, record.have.bytes]).toEqual([undefined, 0]);
    }
  });

  it('forgets ranges when a file is begun again, and keeps other files apart', () => {
    killedRun();
    const again = new Journal(path, true);
    const partial = again.recordOf(plan()).begin('/there/a', 'a');
    const other = again.recordOf(plan('1', '/there/b'));
    other.begin('/there/b', 'b');
    other.done();
    const later = new Journal(path, true);
    const record = later.recordOf(plan());
    expect([record.partial, record.have.bytes]).toEqual([partial, 0]);
    expect(later.recordOf(plan('1', '/there/b')).isDone).toBe(true);
    expect(later.abandonedPartial(plan('2', '/there/b'))).toBeUndefined();
  });

  it('reads past a line that was cut off, and lines that are none of its own', () => {
    killedRun();
    appendFileSync(
      path,
      '[1]\n{}\nnull\n["have",0,-1,9]\n["have","x",1,2]\n["have",99,1,2]\n["have",0,6',
    );
    const journal = new Journal(path, true);
    const record = journal.recordOf(plan());
    record.add({ from: 90, to: 100 }, 9_000);
    expect(new Journal(path, true).recordOf(plan()).have.ranges).toEqual([
      { from: 0, to: 60 },
      { from: 90, to: 100 },
    ]);
  });

  it('writes ranges down twice a second, and all when it is flushed', () => {
    const journal = new Journal(path, true);
    const record = journal.recordOf(plan());
    record.begin('/there/a', 'a');
    record.add({ from: 0, to: 10 }, 1_000);
    for (const [at, from] of [10, 20, 30].entries())
      record.add({ from, to: from + 10 }, 1_100 + at);
    const lines = (): string[] => readFileSync(path, 'utf8').trim().split('\n').slice(1);
    expect(lines()).toEqual(['["have",0,0,10]']);
    journal.flush();
    expect(lines()).toEqual(['["have",0,0,10]', '["have",0,10,40]']);
  });

  it('remembers the folders it made', () => {
    new Journal(path, true).made('/there/dir');
    const journal = new Journal(path, true);
    expect([journal.wasMade('/there/dir'), journal.wasMade('/there')]).toEqual([true, false]);
  });
});

describe('withJournal', () => {
  const identity = { direction: 'up', server: 'h', sources: ['/a'], destination: 'b' } as const;

  it('keeps the journal until all is copied, and lets one run in at a time', async () => {
    const settings = { env: { XDG_STATE_HOME: folder }, isResumable: true };
    const partial = await withJournal(identity, settings, async (journal) => {
      await expect(withJournal(identity, settings, () => Promise.resolve())).rejects.toMatchObject({
        code: 'DA_COPY_BUSY',
      });
      const name = journal.recordOf(plan()).begin('/there/a', 'a');
      journal.close(true);
      return name;
    });
    let file = '';
    await withJournal(identity, settings, (journal) => {
      expect(journal.recordOf(plan()).partial).toBe(partial);
      file = journal.path;
      journal.close(false);
      return Promise.resolve();
    });
    expect(existsSync(file)).toBe(false);
    const other = { ...identity, destination: 'c' };
    await withJournal(other, settings, (journal) => {
      expect(journal.path).not.toBe(file);
      return Promise.resolve();
    });
  });
});
