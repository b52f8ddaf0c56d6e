import { FileFailure } from './failures.ts';
import type { CopyFailure } from './failures.ts';
import type { FileCopy } from './file-copy.ts';
import { FlightWindow } from './flight-window.ts';
import type { Range } from './range-set.ts';
import type { SftpConnection } from './ssh/sftp-connection.ts';

export interface CopyEngineOptions<Copy extends FileCopy> {
  /** Milliseconds, monotonic. */
  now: () => number;
  onBytes: (bytes: number) => void;
  onFile: (file: Copy) => void;
  onFailure: (failure: CopyFailure) => void;
}

interface ActiveFile<Copy extends FileCopy> {
  copy: Copy;
  /** Over which it was begun. */
  lane: Lane;
  stage: 'preparing' | 'moving' | 'settling' | 'failing';
  blocksUnderWay: number;
  failure: FileFailure | undefined;
}

interface Lane {
  connection: SftpConnection;
  window: FlightWindow;
}

interface Task<Copy extends FileCopy> {
  bytes: number;
  run: () => Promise<void>;
  /** The connection was lost: as if it had not begun. */
  undo: () => void;
  file: ActiveFile<Copy>;
}

/** Files at work for each connection: small ones take several round trips, which then overlap. */
const FILES_PER_CONNECTION = 32;

/**
 * Spreads the steps of many file copies over connections that come and go. Whoever has room takes
 * the next step, so no connection waits for another until nothing is left to begin.
 */
export class CopyEngine<Copy extends FileCopy> {
  readonly #options: CopyEngineOptions<Copy>;
  readonly #waiting: Copy[];
  readonly #active = new Set<ActiveFile<Copy>>();
  readonly #lanes = new Set<Lane>();
  #isOver = false;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  readonly #finished: Promise<void>;

  constructor(files: readonly Copy[], options: CopyEngineOptions<Copy>) {
    this.#options = options;
    this.#waiting = files.toReversed();
    this.#finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /**
   * Works until every file was copied or has failed.
   *
   * @throws what ended all: a full disk, a server that breaks the protocol, what {@link abort} was given
   */
  async run(): Promise<void> {
    this.#pumpAll();
    try {
      await this.#finished;
    } finally {
      this.#isOver = true;
      await Promise.all(Array.from(this.#active, ({ copy }) => copy.leave()));
    }
  }

  /** Uses a connection until it is gone. */
  attach(connection: SftpConnection): void {
    const lane = { connection, window: new FlightWindow() };
    this.#lanes.add(lane);
    void connection.gone.then(() => {
      this.#lanes.delete(lane);
      this.#pumpAll();
    });
    this.#pump(lane);
  }

  abort(error: Error): void {
    this.#isOver = true;
    this.#reject(error);
  }

  #pumpAll(): void {
    if (this.#waiting.length === 0 && this.#active.size === 0) this.#resolve();
    for (const lane of this.#lanes) this.#pump(lane);
  }

  #pump(lane: Lane): void {
    while (!this.#isOver && lane.connection.isOpen && lane.window.hasRoom) {
      const task = this.#nextTask(lane);
      if (task === undefined) return;
      void this.#perform(lane, task);
    }
  }

  async #perform(lane: Lane, task: Task<Copy>): Promise<void> {
    const departure = lane.window.depart(task.bytes, this.#options.now());
    try {
      await task.run();
      lane.window.arrive(departure, this.#options.now());
    } catch (error) {
      lane.window.drop(departure);
      if (lane.connection.isOpen) this.#fail(task.file, error);
      else task.undo();
    }
    await this.#endFailed(lane, task.file);
    this.#pumpAll();
  }

  #nextTask(lane: Lane): Task<Copy> | undefined {
    const { connection, window } = lane;
    for (const file of this.#active) {
      if (file.stage !== 'moving' || file.failure !== undefined) continue;
      // Another connection would have to open it first.
      if (file.copy.isSmall && file.lane !== lane && file.lane.connection.isOpen) continue;
      const { blocks } = file.copy;
      if (blocks === undefined) continue;
      const most = Math.min(file.copy.blockBytes(connection), window.blockBytes);
      const block = blocks.take(most);
      if (block !== undefined) return this.#move(connection, file, block);
      if (blocks.isComplete && file.blocksUnderWay === 0) return this.#settle(connection, file);
    }
    if (this.#active.size >= FILES_PER_CONNECTION * this.#lanes.size) return undefined;
    const copy = this.#waiting.pop();
    return copy === undefined ? undefined : this.#prepare(lane, copy);
  }

  #prepare(lane: Lane, copy: Copy): Task<Copy> {
    const file: ActiveFile<Copy> = {
      copy,
      lane,
      stage: 'preparing',
      blocksUnderWay: 0,
      failure: undefined,
    };
    this.#active.add(file);
    return {
      file,
      bytes: 0,
      run: async () => {
        await copy.prepare(lane.connection);
        file.stage = 'moving';
      },
      undo: () => {
        this.#active.delete(file);
        this.#waiting.push(copy);
      },
    };
  }

  #move(connection: SftpConnection, file: ActiveFile<Copy>, block: Range): Task<Copy> {
    const { copy } = file;
    const { blocks } = copy;
    const bytes = block.to - block.from;
    file.blocksUnderWay += 1;
    return {
      file,
      bytes,
      run: async () => {
        try {
          const moved = await copy.move(connection, block);
          blocks?.finish(block);
          this.#options.onBytes(moved);
        } finally {
          file.blocksUnderWay -= 1;
        }
      },
      undo: () => blocks?.giveBack(block),
    };
  }

  #settle(connection: SftpConnection, file: ActiveFile<Copy>): Task<Copy> {
    file.stage = 'settling';
    return {
      file,
      bytes: 0,
      run: async () => {
        const isDone = await file.copy.settle(connection);
        file.stage = 'moving';
        if (!isDone) return;
        this.#active.delete(file);
        this.#options.onFile(file.copy);
      },
      undo: () => {
        file.stage = 'moving';
      },
    };
  }

  #fail(file: ActiveFile<Copy>, error: unknown): void {
    if (error instanceof FileFailure) file.failure ??= error;
    else this.abort(error instanceof Error ? error : new Error(String(error)));
  }

  /** A failed file is given up when nothing of it is under way any more. */
  async #endFailed({ connection }: Lane, file: ActiveFile<Copy>): Promise<void> {
    const { failure, copy } = file;
    if (failure === undefined || file.blocksUnderWay > 0 || file.stage === 'failing') return;
    file.stage = 'failing';
    await copy.giveUp(connection, failure);
    this.#active.delete(file);
    this.#options.onFailure({ path: copy.shown, error: failure });
  }
}
