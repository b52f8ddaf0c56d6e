import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { DevaccessError } from '../platform/errors.ts';
import { errorCode, fileError } from '../platform/file-errors.ts';
import { withFileLock } from '../platform/file-lock.ts';
import { stateDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { makeFolder } from '../platform/safe-file.ts';
import { partialName } from './file-names.ts';
import type { FilePlan } from './plan.ts';
import { RangeSet } from './range-set.ts';
import type { Range } from './range-set.ts';

/** What two runs must have in common for the second to go on with the first's work. */
export interface CopyIdentity {
  direction: 'up' | 'down';
  /** User, server, port and configuration, as they were given. */
  server: string;
  sources: readonly string[];
  destination: string;
}

// One JSON array a line, the first element says what it is. A line that is cut off counts as absent.
// ["file", number, source, destination, version, partial] · ["have", number, from, to]
// ["done", number] · ["made", directory]
type Line =
  | ['file', number, string, string, string, string]
  | ['have', number, number, number]
  | ['done', number]
  | ['made', string];

/** Finished ranges are written down at least this often, and always when a file is left. */
const FLUSH_MS = 500;
const FLUSH_BYTES = 1024 * 1024;
const TOKEN_BYTES = 8;

/**
 * Runs one copy with its journal: which files it began, under which partial names, and which bytes
 * of them are there. It outlives the process, so that the same command goes on where one was killed,
 * and is removed when all is copied. It holds names and figures, no contents.
 *
 * @throws DevaccessError DA_COPY_BUSY when the same copy is running, DA_FILE_NOT_WRITABLE
 */
export async function withJournal<T>(
  identity: CopyIdentity,
  { env, isResumable }: { env: Environment; isResumable: boolean },
  work: (journal: Journal) => Promise<T>,
): Promise<T> {
  const digest = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  const path = join(stateDirectory(env), 'copies', `${digest.slice(0, 32)}.jsonl`);
  try {
    makeFolder(dirname(path));
    return await withFileLock(`${path}.lock`, async () => work(new Journal(path, isResumable)), {
      waitMs: 0,
    });
  } catch (error) {
    if (error instanceof DevaccessError && error.code === 'DA_FILE_BUSY') {
      throw new DevaccessError('DA_COPY_BUSY', 'The same copy is running already', {
        next: 'wait for it to finish',
        cause: error,
      });
    }
    throw fileError(error, 'write', path);
  }
}

/** The journal of one copy. */
export class Journal {
  readonly path: string;
  readonly #file: number;
  readonly #earlier: Map<string, FileRecord>;
  readonly #open = new Set<FileRecord>();
  readonly #made = new Set<string>();
  readonly #isResumable: boolean;
  #nextNumber: number;
  #isClosed = false;

  /**
   * @param path is made when it is not there
   * @param isResumable false: earlier runs' partial files are of no use
   */
  constructor(path: string, isResumable: boolean) {
    this.path = path;
    this.#isResumable = isResumable;
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    this.#file = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    const text = fstatSync(this.#file).size === 0 ? '' : readFileSync(path, 'utf8');
    // What a killed process left of a line must not become the beginning of the next.
    if (text !== '' && !text.endsWith('\n')) writeSync(this.#file, '\n');
    this.#earlier = readRecords(text, this.#made, (line) => this.#write(line));
    this.#nextNumber = Math.max(0, ...[...this.#earlier.values()].map((r) => r.number + 1));
  }

  /** The record of a file: an earlier run's where it is for the same state of the same source. */
  recordOf({ source, destination, facts }: FilePlan): FileRecord {
    const earlier = this.#earlier.get(destination);
    if (earlier !== undefined && this.#isOfUse(earlier, { source, destination, facts })) {
      this.#open.add(earlier);
      return earlier;
    }
    const record = new FileRecord(
      (line) => this.#write(line),
      this.#nextNumber,
      source,
      facts.version,
    );
    this.#nextNumber += 1;
    this.#open.add(record);
    return record;
  }

  /** The partial file that an earlier run left for a destination and this one has no use for. */
  abandonedPartial(plan: FilePlan): string | undefined {
    const earlier = this.#earlier.get(plan.destination);
    if (earlier === undefined || earlier.isDone || this.#isOfUse(earlier, plan)) return undefined;
    return earlier.partial;
  }

  /** A directory was made: it is to get its mode and times when all is in it. */
  made(directory: string): void {
    if (!this.#made.has(directory)) this.#write(['made', directory]);
    this.#made.add(directory);
  }

  /** Whether this run or an earlier one made it. */
  wasMade(directory: string): boolean {
    return this.#made.has(directory);
  }

  /** Writes down all that is finished, for the next run. */
  flush(): void {
    for (const record of this.#open) record.flush();
  }

  /** @param isNeeded whether there is anything left for another run to go on with */
  close(isNeeded: boolean): void {
    this.flush();
    const isEmpty = fstatSync(this.#file).size === 0;
    // What is still under way has nothing to add; the number may soon be another file's.
    this.#isClosed = true;
    closeSync(this.#file);
    if (!isNeeded || isEmpty) rmSync(this.path, { force: true });
  }

  #isOfUse({ source, version }: FileRecord, plan: FilePlan): boolean {
    return this.#isResumable && source === plan.source && version === plan.facts.version;
  }

  #write(line: Line): void {
    if (!this.#isClosed) writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

/** What the journal knows of one file. */
export class FileRecord {
  readonly number: number;
  readonly source: string;
  readonly version: string;
  /** Which bytes are in the partial file. */
  have = new RangeSet();
  partial: string | undefined;
  isDone = false;
  readonly #write: (line: Line) => void;
  #unwritten = new RangeSet();
  #unwrittenBytes = 0;
  #flushedAtMs = 0;

  constructor(write: (line: Line) => void, number: number, source: string, version: string) {
    this.#write = write;
    this.number = number;
    this.source = source;
    this.version = version;
  }

  /**
   * Names a new partial file; nothing is in it.
   *
   * @param name the file's last name
   */
  begin(destination: string, name: string): string {
    this.have = new RangeSet();
    this.#unwritten = new RangeSet();
    this.partial = partialName(name, randomBytes(TOKEN_BYTES).toString('hex'));
    this.#write(['file', this.number, this.source, destination, this.version, this.partial]);
    return this.partial;
  }

  /** A block got there; `have` knows already. */
  add(block: Range, nowMs: number): void {
    this.#unwritten.add(block);
    this.#unwrittenBytes += block.to - block.from;
    const isSoon = nowMs - this.#flushedAtMs < FLUSH_MS;
    if (isSoon && this.#unwrittenBytes < FLUSH_BYTES) return;
    this.#flushedAtMs = nowMs;
    this.flush();
  }

  flush(): void {
    for (const { from, to } of this.#unwritten.ranges) this.#write(['have', this.number, from, to]);
    this.#unwritten = new RangeSet();
    this.#unwrittenBytes = 0;
  }

  /** The file has its name. */
  done(): void {
    this.isDone = true;
    this.#unwritten = new RangeSet();
    this.#write(['done', this.number]);
  }
}

function readRecords(
  text: string,
  made: Set<string>,
  write: (line: Line) => void,
): Map<string, FileRecord> {
  const byNumber = new Map<number, FileRecord>();
  const byDestination = new Map<string, FileRecord>();
  for (const line of text.split('\n')) {
    const entry = parseLine(line);
    if (entry === undefined) continue;
    if (entry[0] === 'made') {
      made.add(entry[1]);
      continue;
    }
    if (entry[0] === 'file') {
      const [, number, source, destination, version, partial] = entry;
      const record = new FileRecord(write, number, source, version);
      record.partial = partial;
      byNumber.set(number, record);
      byDestination.set(destination, record);
      continue;
    }
    const record = byNumber.get(entry[1]);
    if (record === undefined) continue;
    if (entry[0] === 'done') record.isDone = true;
    else record.have.add({ from: entry[2], to: entry[3] });
  }
  return byDestination;
}

function parseLine(line: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (errorCode(error) !== undefined) throw error;
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [kind, ...rest] = value as unknown[];
  const forms = { file: 'nssss', have: 'nnn', done: 'n', made: 's' };
  const form = forms[kind as keyof typeof forms] as string | undefined;
  if (form?.length !== rest.length) return undefined;
  const fits = rest.every((item, index) =>
    form[index] === 'n'
      ? Number.isSafeInteger(item) && (item as number) >= 0
      : typeof item === 'string',
  );
  return fits ? (value as Line) : undefined;
}
