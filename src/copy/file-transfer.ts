import { Blocks } from './blocks.ts';
import type { CopyContext } from './copy-context.ts';
import { FileFailure } from './failures.ts';
import type { FileCopy } from './file-copy.ts';
import type { FileRecord } from './journal.ts';
import type { FilePlan } from './plan.ts';
import { RangeSet } from './range-set.ts';
import type { Range } from './range-set.ts';
import { SAFE_BLOCK_BYTES } from './sftp/constants.ts';
import type { SftpConnection } from './ssh/sftp-connection.ts';

/** Files of this size and more are brought to the disk before they get their name. */
export const SYNC_FROM_BYTES = 1024 * 1024;
/** A file that small is read back sooner than the server has started a program for its digest. */
export const READ_BACK_UP_TO_BYTES = 4096;
/** A partial file with less in it is not worth keeping when its copy has failed. */
const KEEP_FROM_BYTES = 1024 * 1024;

/**
 * What copies in both directions have in common: bytes go to a partial file beside the destination;
 * when all are there they are checked, by digests or by reading them back, and the file gets its
 * name. A check that fails is followed by another copy from the start where an earlier run's bytes
 * were used, as these may be to blame.
 */
export abstract class FileTransfer implements FileCopy {
  readonly plan: FilePlan;
  abstract readonly shown: string;
  protected readonly context: CopyContext;
  protected readonly record: FileRecord;
  #blocks: Blocks | undefined;
  #isComparing = false;
  #differs = false;
  #isResumed = false;
  #isCorrect = false;
  #isNaming = false;

  constructor(plan: FilePlan, record: FileRecord, context: CopyContext) {
    this.plan = plan;
    this.record = record;
    this.context = context;
  }

  get blocks(): Blocks | undefined {
    return this.#blocks;
  }

  get isSmall(): boolean {
    return this.plan.facts.size <= SAFE_BLOCK_BYTES;
  }

  /** Whether digests are to tell that the copy is right. */
  protected get isDigested(): boolean {
    return this.context.check === 'sha256' && this.plan.facts.size > READ_BACK_UP_TO_BYTES;
  }

  async prepare(connection: SftpConnection): Promise<void> {
    this.#isResumed = await this.openBoth(connection);
    this.context.onFound(this.record.have.bytes);
    this.#blocks = new Blocks(this.plan.facts.size, this.record.have);
  }

  async move(connection: SftpConnection, block: Range): Promise<number> {
    if (this.#isComparing) {
      if (!(await this.isSame(connection, block))) this.#differs = true;
      return 0;
    }
    await this.moveBlock(connection, block);
    this.record.add(block, this.context.now());
    return block.to - block.from;
  }

  async settle(connection: SftpConnection): Promise<boolean> {
    // Another connection was lost after it had asked for the name.
    if (this.#isNaming && (await this.isNamed(connection))) return this.#finish();
    await this.checkSource(connection);
    this.#isCorrect ||= await this.#isChecked(connection);
    if (!this.#isCorrect) return false;
    this.#isNaming = true;
    await this.name(connection);
    return this.#finish();
  }

  async giveUp(connection: SftpConnection, { code }: FileFailure): Promise<void> {
    const isUseful = this.record.have.bytes >= KEEP_FROM_BYTES && code !== 'DA_SOURCE_CHANGED';
    try {
      if (!isUseful) await this.discard(connection);
      await this.leave();
    } catch {
      // The failure itself is what the person is told.
    }
  }

  abstract blockBytes(connection: SftpConnection): number;
  abstract leave(): Promise<void>;

  /** @returns whether bytes of an earlier run are used */
  protected abstract openBoth(connection: SftpConnection): Promise<boolean>;
  protected abstract moveBlock(connection: SftpConnection, block: Range): Promise<void>;
  /** Whether a block is the same on both sides. */
  protected abstract isSame(connection: SftpConnection, block: Range): Promise<boolean>;
  /** @throws DevaccessError DA_SOURCE_CHANGED */
  protected abstract checkSource(connection: SftpConnection): Promise<void>;
  /** Both files' SHA-256; undefined where the server's cannot be had. */
  protected abstract digests(
    connection: SftpConnection,
  ): Promise<{ source: string; copy: string } | undefined>;
  /** Removes the partial file, if there is one. */
  protected abstract discard(connection: SftpConnection): Promise<void>;
  /** Sets mode and times and renames the partial file. */
  protected abstract name(connection: SftpConnection): Promise<void>;
  /** Whether that was done already. */
  protected abstract isNamed(connection: SftpConnection): Promise<boolean>;

  async #finish(): Promise<true> {
    this.record.done();
    await this.leave();
    return true;
  }

  /** @returns false where blocks are to be moved before anything can be said */
  async #isChecked(connection: SftpConnection): Promise<boolean> {
    const { check } = this.context;
    if (check === 'none') return true;
    if (this.#isComparing) {
      this.#isComparing = false;
      this.context.onChecked('read-back');
      return this.#differs ? this.#copyAgain(connection) : true;
    }
    const digests = this.isDigested ? await this.digests(connection) : undefined;
    if (digests !== undefined && digests.source === digests.copy) {
      this.context.onChecked('sha256');
      return true;
    }
    if (digests !== undefined && this.#isResumed) return this.#copyAgain(connection);
    // Where digests differ, one may be another file's of that path: SFTP can have a root of its own.
    this.#isComparing = true;
    this.#differs = false;
    this.#blocks = new Blocks(this.plan.facts.size, new RangeSet());
    return false;
  }

  /** @throws FileFailure DA_CHECKSUM unless bytes of an earlier run may be to blame */
  async #copyAgain(connection: SftpConnection): Promise<false> {
    const wasResumed = this.#isResumed;
    this.context.onFound(-this.record.have.bytes);
    await this.discard(connection);
    if (!wasResumed) {
      throw new FileFailure('DA_CHECKSUM', `The copy of ${this.shown} is not the same as it`, {
        next: 'copy it again; if it stays so, memory or a disk is failing',
      });
    }
    await this.prepare(connection);
    return false;
  }
}
