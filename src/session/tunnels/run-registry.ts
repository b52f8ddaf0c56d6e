import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DevaccessError } from '../../platform/errors.ts';
import { errorCode } from '../../platform/file-errors.ts';
import { withFileLock } from '../../platform/file-lock.ts';
import { stateDirectory } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { makePrivateFolder } from '../../platform/private-folder.ts';
import { editFile } from '../../platform/safe-file.ts';
import { MAX_SOCKET_PATH_BYTES } from '../../platform/unix-listener.ts';
import { askControl } from './control.ts';
import type { RunReport } from './control.ts';
import { hasOwnFolder, parseRunRecord } from './run-record.ts';
import type { RunRecord } from './run-record.ts';

/**
 * - `alive`: it answers
 * - `hung`: something listens where it should answer, and does not
 * - `gone`: it was killed, or the computer was restarted
 */
export type FoundRun =
  | { state: 'alive'; record: RunRecord; report: RunReport }
  | { state: 'hung'; record: RunRecord }
  | { state: 'gone'; record: RunRecord };

/** The folder where processes that carry tunnels are known to one another. */
export class RunRegistry {
  readonly folder: string;

  /** @throws DevaccessError DA_FOLDER_UNSAFE, DA_FILE_NOT_WRITABLE, DA_TUNNEL_PLATFORM */
  constructor(env: Environment) {
    if (process.platform === 'win32') {
      throw new DevaccessError('DA_TUNNEL_PLATFORM', 'Named tunnels do not work on Windows yet', {
        next: "use 'devaccess forward'",
      });
    }
    this.folder = join(stateDirectory(env), 'tunnels');
    makePrivateFolder(this.folder);
  }

  /** The log of every process without a terminal. */
  get logFile(): string {
    return join(this.folder, 'log');
  }

  /** Where a new run answers; a home directory may be too deep for a socket. */
  newSocketPath(id: string): string {
    const path = join(this.folder, `${id}.sock`);
    if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
    // Private to the user, and its name is known from the record alone.
    return join(mkdtempSync(join(tmpdir(), 'devaccess-')), `${id}.sock`);
  }

  /** All runs of this computer; each is asked whether it lives. */
  async find(): Promise<FoundRun[]> {
    const records = readdirSync(this.folder)
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => this.#read(name) ?? []);
    const found = await Promise.all(records.map(probe));
    return found.flatMap((run) => run ?? []);
  }

  /**
   * Makes a run known, unless another one has one of its tunnels already: of two at once, one wins.
   *
   * @returns those others; then nothing was written
   */
  async claim(record: RunRecord): Promise<FoundRun[]> {
    return withFileLock(join(this.folder, 'claim.lock'), async () => {
      const names = new Set(record.tunnels.map(({ name }) => name));
      const others = (await this.find()).filter(
        ({ state, record: { tunnels } }) =>
          state !== 'gone' && tunnels.some(({ name }) => names.has(name)),
      );
      if (others.length === 0) await this.write(record);
      return others;
    });
  }

  async write(record: RunRecord): Promise<void> {
    await editFile(this.#recordPath(record.id), () => `${JSON.stringify(record)}\n`);
  }

  /** Forgets a run. */
  remove({ id, socketPath }: Pick<RunRecord, 'id' | 'socketPath'>): void {
    rmSync(this.#recordPath(id), { force: true });
    rmSync(socketPath, { force: true });
    if (hasOwnFolder(socketPath)) removeEmptyFolder(dirname(socketPath));
  }

  #recordPath(id: string): string {
    return join(this.folder, `${id}.json`);
  }

  #read(name: string): RunRecord | undefined {
    try {
      return parseRunRecord(readFileSync(join(this.folder, name), 'utf8'));
    } catch {
      // It ended between the listing and the reading.
      return undefined;
    }
  }
}

/** The record may come from elsewhere, as from a home that is mounted at another path there. */
function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // It is gone, or others have put something there.
  }
}

/**
 * A socket that nobody serves tells for sure that a process is gone, whoever has its number by now.
 * A home directory may be shared: undefined for what runs, or ran, on another computer.
 */
async function probe(record: RunRecord): Promise<FoundRun | undefined> {
  try {
    return {
      state: 'alive',
      record,
      report: await askControl(record.socketPath, { ask: 'status' }),
    };
  } catch (error) {
    const isServed = !['ECONNREFUSED', 'ENOENT'].includes(errorCode(error) ?? '');
    if (isServed) return { state: 'hung', record };
    return record.process.host === hostname() ? { state: 'gone', record } : undefined;
  }
}
