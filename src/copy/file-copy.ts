import type { Blocks } from './blocks.ts';
import type { FileFailure } from './failures.ts';
import type { Range } from './range-set.ts';
import type { SftpConnection } from './ssh/sftp-connection.ts';

/**
 * The copy of one file, in steps that the engine spreads over connections. A step whose connection is
 * lost is done again over another, so each can be repeated.
 */
export interface FileCopy {
  /** The source, as it is shown to the person. */
  readonly shown: string;
  /** Whether one block holds it: then one connection takes all of its steps. */
  readonly isSmall: boolean;
  /** What is to be moved now; defined from {@link prepare} on. */
  readonly blocks: Blocks | undefined;
  /** Opens both sides. */
  prepare(connection: SftpConnection): Promise<void>;
  /** The most that one block may hold over this connection. */
  blockBytes(connection: SftpConnection): number;
  /**
   * Moves one block, or reads it back.
   *
   * @returns bytes that were not there before
   */
  move(connection: SftpConnection, block: Range): Promise<number>;
  /**
   * Once all blocks are there: checks them and gives the file its name.
   *
   * @returns false where there are blocks to be moved again
   */
  settle(connection: SftpConnection): Promise<boolean>;
  /** Closes what is open here; what has been copied stays for the next time. */
  leave(): Promise<void>;
  /** It has failed: leaves, and removes what no later run has a use for. Never fails itself. */
  giveUp(connection: SftpConnection, failure: FileFailure): Promise<void>;
}
