import { DevaccessError } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import { withSignalCleanup } from '../platform/signals.ts';
import { forEachAtOnce } from './at-once.ts';
import type { CheckMethod, CopyContext } from './copy-context.ts';
import { CopyEngine } from './copy-engine.ts';
import { makeDirectories, settleDirectories } from './directories.ts';
import { Download } from './download.ts';
import type { CopyFailure } from './failures.ts';
import { READ_BACK_UP_TO_BYTES } from './file-transfer.ts';
import type { FileTransfer } from './file-transfer.ts';
import type { FileTree } from './file-tree.ts';
import { withJournal } from './journal.ts';
import type { FileRecord, Journal } from './journal.ts';
import { localTree } from './local-tree.ts';
import { parseRoute } from './location.ts';
import type { CopyRoute } from './location.ts';
import { planCopy } from './plan.ts';
import type { CopyPlan, FilePlan } from './plan.ts';
import { RemoteTree } from './remote-tree.ts';
import { SessionPool } from './session-pool.ts';
import { RemoteDigester } from './ssh/remote-digester.ts';
import { protocolFailure, SftpConnection } from './ssh/sftp-connection.ts';
import { sshPrograms } from './ssh/ssh-program.ts';
import type { SshPrograms } from './ssh/ssh-program.ts';
import { Upload } from './upload.ts';

export interface CopyOptions {
  /** As scp takes them: paths here, or `[USER@]HOST:PATH`; one side is a server. */
  sources: readonly string[];
  destination: string;
  recursive: boolean;
  /** The most SSH connections, each a session of its own. */
  sessions: number;
  check: CopyContext['check'];
  /** Take nothing from a run that was interrupted. */
  restart: boolean;
  port: number | undefined;
  /** Instead of the person's SSH config. */
  configFile: string | undefined;
  env: Environment;
  /** Milliseconds, monotonic. */
  now: () => number;
  /** A line for the person: what ssh says, notices. Not printable yet. */
  say: (line: string) => void;
  onProgress: (progress: CopyProgress) => void;
  /** A signal ends the process in a moment; what is there is written down. */
  onInterrupted: () => void;
}

export interface CopyProgress {
  files: number;
  filesDone: number;
  bytes: number;
  /** What was there already counts. */
  bytesDone: number;
}

export interface CopyResult {
  direction: 'up' | 'down';
  host: string;
  /** Files that are there now, and their bytes. */
  files: number;
  bytes: number;
  /** Of these, what an interrupted run had copied already. */
  resumedBytes: number;
  seconds: number;
  /** The most sessions that were open at a time. */
  sessions: number;
  /** How the copies were found to be the same; empty where that was not asked for. */
  verified: CheckMethod[];
  failed: { path: string; code: string; message: string }[];
}

/** Below this, reading back is quicker than logging in once more to ask for digests. */
const DIGEST_FROM_BYTES = 1024 * 1024;
/** What one more session should have to do to be worth its start. */
const BYTES_PER_SESSION = 1024 * 1024;
const FILES_PER_SESSION = 32;

/**
 * Copies files to or from a server by SFTP over several SSH connections at a time.
 *
 * @throws DevaccessError when nothing was copied, or what goes on was stopped: DA_USAGE, DA_NO_SSH,
 *   DA_SSH_AUTH, DA_SSH_HOST_KEY, DA_SSH_CONNECT, DA_NO_SFTP, DA_SFTP_PROTOCOL, DA_NO_SUCH_FILE,
 *   DA_DISK_FULL, DA_REMOTE_DISK_FULL, DA_COPY_BUSY, DA_COPY_INTERRUPTED, …
 */
export async function copyFiles(options: CopyOptions): Promise<CopyResult> {
  const route = parseRoute(options.sources, options.destination);
  const { host, user } = route;
  const { port, configFile } = options;
  const programs = await sshPrograms({ host, user, port, configFile }, options.env);
  const identity = {
    direction: route.direction,
    server: JSON.stringify([user, host, port, configFile]),
    sources: route.direction === 'up' ? await absolute(route.sources) : route.sources,
    destination:
      route.direction === 'down' ? await localTree.resolve(route.destination) : route.destination,
  };
  const first = await SftpConnection.open(programs.interactive, options.say);
  try {
    const settings = { env: options.env, isResumable: !options.restart };
    return await withJournal(identity, settings, (journal) =>
      new Copy(options, route, programs, first, journal).run(),
    );
  } finally {
    await first.close();
  }
}

function absolute(paths: readonly string[]): Promise<string[]> {
  return Promise.all(paths.map((path) => localTree.resolve(path)));
}

/** One command at work. */
class Copy {
  readonly #options: CopyOptions;
  readonly #route: CopyRoute;
  readonly #journal: Journal;
  readonly #pool: SessionPool;
  readonly #digester: RemoteDigester;
  readonly #remote: RemoteTree;
  readonly #verified = new Set<CheckMethod>();
  readonly #failures: CopyFailure[] = [];
  readonly #progress: CopyProgress = { files: 0, filesDone: 0, bytes: 0, bytesDone: 0 };
  readonly #startedAtMs: number;
  #movedBytes = 0;
  #resumedBytes = 0;
  #copiedBytes = 0;
  #engine: CopyEngine<FileTransfer> | undefined;

  constructor(
    options: CopyOptions,
    route: CopyRoute,
    programs: SshPrograms,
    first: SftpConnection,
    journal: Journal,
  ) {
    this.#options = options;
    this.#route = route;
    this.#journal = journal;
    this.#startedAtMs = options.now();
    this.#digester = new RemoteDigester(programs.batch);
    this.#pool = new SessionPool(first, {
      program: programs.batch,
      onOpen: (connection) => this.#engine?.attach(connection),
      onExhausted: (reason) => this.#engine?.abort(interrupted(reason)),
      onNotice: options.say,
      movedBytes: () => this.#movedBytes,
    });
    this.#remote = new RemoteTree(route.host, () => this.#pool.any.client);
  }

  async run(): Promise<CopyResult> {
    let isResumable = true;
    try {
      await withSignalCleanup(
        () => this.#stop(),
        () => this.#copy(),
      );
      isResumable = this.#progress.filesDone < this.#progress.files;
    } catch (error) {
      throw protocolFailure(this.#route.host, error);
    } finally {
      this.#journal.close(isResumable);
      await Promise.all([this.#pool.close(), this.#digester.close()]);
    }
    return this.#result();
  }

  async #copy(): Promise<void> {
    const { direction, sources, destination } = this.#route;
    const isUp = direction === 'up';
    const [from, to]: [FileTree, FileTree] = isUp
      ? [localTree, this.#remote]
      : [this.#remote, localTree];
    const plan = await planCopy({
      from,
      to,
      sources,
      destination,
      recursive: this.#options.recursive,
    });
    this.#failures.push(...plan.refused);
    this.#failures.push(...(await makeDirectories(plan, to, this.#journal)));
    const copies = await this.#begin(plan, to);
    await this.#move(copies);
    this.#failures.push(...(await settleDirectories(plan, to, this.#journal)));
  }

  /** Leaves out what an interrupted run has finished, and removes what it left that is of no use. */
  async #begin(plan: CopyPlan, to: FileTree): Promise<FileTransfer[]> {
    const remaining = new Map<FilePlan, FileTransfer>();
    const context = this.#context(plan);
    await forEachAtOnce(plan.files, FILES_PER_SESSION, async (file) => {
      const left = this.#journal.abandonedPartial(file);
      if (left !== undefined) await to.removeFile(beside(file.destination, left, to));
      const record = this.#journal.recordOf(file);
      this.#progress.files += 1;
      this.#progress.bytes += file.facts.size;
      if (await wasNamed(file, record, to)) {
        if (!record.isDone) record.done();
        this.#progress.filesDone += 1;
        this.#copiedBytes += file.facts.size;
        this.#found(file.facts.size);
        return;
      }
      remaining.set(
        file,
        this.#route.direction === 'up'
          ? new Upload(file, record, context)
          : new Download(file, record, context),
      );
    });
    // In the order of the plan, whatever the order of the answers.
    return plan.files.flatMap((file) => remaining.get(file) ?? []);
  }

  async #move(copies: readonly FileTransfer[]): Promise<void> {
    const engine = new CopyEngine<FileTransfer>(copies, {
      now: this.#options.now,
      onBytes: (bytes) => {
        this.#movedBytes += bytes;
        this.#progress.bytesDone += bytes;
        this.#options.onProgress(this.#progress);
      },
      onFile: ({ plan }) => {
        this.#progress.filesDone += 1;
        this.#copiedBytes += plan.facts.size;
        this.#options.onProgress(this.#progress);
      },
      onFailure: (failure) => this.#failures.push(failure),
    });
    this.#engine = engine;
    engine.attach(this.#pool.any);
    const bytes = copies.map(({ plan }) => plan.facts.size).reduce(sum, 0);
    const worth = Math.max(bytes / BYTES_PER_SESSION, copies.length / FILES_PER_SESSION);
    void this.#pool.grow(Math.min(this.#options.sessions, Math.ceil(worth)));
    await engine.run();
  }

  #context({ files }: CopyPlan): CopyContext {
    const sizes = files.map(({ facts }) => facts.size);
    const bytes = sizes.filter((size) => size > READ_BACK_UP_TO_BYTES).reduce(sum, 0);
    const { check } = this.#options;
    const isDigested = check === 'sha256' && bytes >= DIGEST_FROM_BYTES;
    if (isDigested) this.#digester.start();
    const { host } = this.#route;
    return {
      remoteOver: ({ client }) => new RemoteTree(host, () => client),
      showRemote: (path) => this.#remote.show(path),
      check: isDigested || check === 'none' ? check : 'read-back',
      remoteDigest: (path) => this.#digester.digest(path),
      onFound: (found) => this.#found(found),
      onChecked: (method) => this.#verified.add(method),
      now: this.#options.now,
    };
  }

  #found(bytes: number): void {
    this.#progress.bytesDone += bytes;
    this.#resumedBytes = Math.max(0, this.#resumedBytes + bytes);
  }

  /** A signal: what is there is written down, and nothing goes on. */
  #stop(): void {
    this.#journal.flush();
    this.#pool.kill();
    this.#digester.kill();
    this.#options.onInterrupted();
  }

  #result(): CopyResult {
    const [only] = this.#failures;
    const isNothing = this.#progress.filesDone === 0 && this.#failures.length === 1;
    if (only !== undefined && isNothing) throw only.error;
    return {
      direction: this.#route.direction,
      host: this.#route.host,
      files: this.#progress.filesDone,
      bytes: this.#copiedBytes,
      resumedBytes: this.#resumedBytes,
      seconds: (this.#options.now() - this.#startedAtMs) / 1000,
      sessions: this.#pool.peak,
      verified: [...this.#verified].sort(),
      failed: this.#failures.map(({ path, error }) => ({
        path,
        code: error.code,
        message: error.message,
      })),
    };
  }
}

/**
 * Whether an earlier run finished a file, and it still is as that run left it. That run may have been
 * killed between giving the name, for which it had checked the copy, and writing so down.
 */
async function wasNamed(file: FilePlan, record: FileRecord, to: FileTree): Promise<boolean> {
  if (record.partial === undefined) return false;
  const { destination, facts } = file;
  const there = await to.lstat(destination);
  const isSame =
    there?.type === 'file' &&
    there.size === facts.size &&
    Math.floor(there.mtimeS) === Math.floor(facts.mtimeS);
  if (!isSame) return false;
  return record.isDone || (await to.lstat(beside(destination, record.partial, to))) === undefined;
}

function sum(left: number, right: number): number {
  return left + right;
}

function beside(path: string, name: string, tree: FileTree): string {
  return tree.join(tree.join(path, '..'), name);
}

function interrupted(reason: Error): DevaccessError {
  const { next, exitCode } = reason instanceof DevaccessError ? reason : {};
  return new DevaccessError('DA_COPY_INTERRUPTED', `The copy was interrupted: ${reason.message}`, {
    next: `${next === undefined ? '' : `${next}; `}the same command goes on where it stopped`,
    ...(exitCode === undefined ? {} : { exitCode }),
    cause: reason,
  });
}
