import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import {
  isFolder,
  localFailure,
  remoteDiskFull,
  remoteFailure,
  sourceChanged,
} from './failures.ts';
import { FileTransfer, SYNC_FROM_BYTES } from './file-transfer.ts';
import { localDigest, readBlock } from './local-file.ts';
import { localFacts } from './local-tree.ts';
import type { Range } from './range-set.ts';
import { RemoteFile } from './remote-file.ts';
import { EXTENSION, OPEN, STATUS } from './sftp/constants.ts';
import { SftpStatusError } from './sftp/errors.ts';
import type { SftpConnection } from './ssh/sftp-connection.ts';

/** A local file on its way to a server. */
export class Upload extends FileTransfer {
  #source: FileHandle | undefined;
  #partial: RemoteFile | undefined;
  #digest: Promise<string> | undefined;
  #isSynced = false;

  override get shown(): string {
    return this.plan.source;
  }

  override blockBytes({ limits }: SftpConnection): number {
    return limits.writeBytes;
  }

  override async leave(): Promise<void> {
    this.record.flush();
    const source = this.#source;
    this.#source = undefined;
    await source?.close();
  }

  protected override async openBoth(connection: SftpConnection): Promise<boolean> {
    const { source, destination } = this.plan;
    try {
      // A pipe that has taken the file's place meanwhile must not be waited for.
      this.#source ??= await open(source, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      throw localFailure(error, 'read', source);
    }
    await this.checkSource();
    if (this.isDigested) {
      this.#digest ??= localDigest(this.#source, source);
      this.#digest.catch(() => undefined);
    }
    const { partial } = this.record;
    if (partial !== undefined) {
      const path = posix.join(posix.dirname(destination), partial);
      if (this.record.have.bytes > 0 && (await this.#isOfUse(connection, path))) {
        // It may have got its mode already, and that may not let it be written.
        await connection.client.setstat(path, { mode: 0o600 }).catch(() => undefined);
        this.#partial = new RemoteFile(path, OPEN.read | OPEN.write);
        return true;
      }
      // An earlier run, or an attempt over a connection that was lost, may have made it.
      await this.#remove(connection, path);
    }
    const name = this.record.begin(destination, posix.basename(destination));
    this.#partial = new RemoteFile(
      posix.join(posix.dirname(destination), name),
      OPEN.read | OPEN.write,
    );
    try {
      await this.#partial.create(connection);
    } catch (error) {
      throw remoteFailure(error, 'write', this.#shownDestination);
    }
    return false;
  }

  protected override async moveBlock(connection: SftpConnection, block: Range): Promise<void> {
    const data = await readBlock(this.#opened, block, this.plan.source);
    if (data.length < block.to - block.from) throw sourceChanged(this.shown);
    try {
      const handle = await this.#remote.handle(connection);
      await connection.client.write(handle, block.from, data);
    } catch (error) {
      throw await this.#writeFailure(connection, error);
    }
  }

  protected override async isSame(connection: SftpConnection, block: Range): Promise<boolean> {
    const data = await readBlock(this.#opened, block, this.plan.source);
    try {
      return data.equals(await this.#remote.readBlock(connection, block));
    } catch (error) {
      throw remoteFailure(error, 'read', this.#shownDestination);
    }
  }

  protected override async checkSource(): Promise<void> {
    const facts = localFacts(await this.#opened.stat({ bigint: true }));
    if (facts.type !== 'file' || facts.version !== this.plan.facts.version) {
      throw sourceChanged(this.shown);
    }
  }

  protected override async digests(): Promise<{ source: string; copy: string } | undefined> {
    const [source, copy] = await Promise.all([
      this.#digest,
      this.context.remoteDigest(this.#remote.path),
    ]);
    return source === undefined || copy === undefined ? undefined : { source, copy };
  }

  protected override async discard(connection: SftpConnection): Promise<void> {
    const partial = this.#partial;
    if (partial === undefined) return;
    this.#partial = undefined;
    await partial.close().catch(() => undefined);
    await this.#remove(connection, partial.path);
    this.record.begin(this.plan.destination, posix.basename(this.plan.destination));
  }

  protected override async name(connection: SftpConnection): Promise<void> {
    const { client } = connection;
    const { destination, facts } = this.plan;
    const { mode, atimeS, mtimeS, size } = facts;
    try {
      if (size >= SYNC_FROM_BYTES && !this.#isSynced && client.offers(EXTENSION.fsync)) {
        await client.fsync(await this.#remote.handle(connection));
        this.#isSynced = true;
      }
      await this.#remote.close();
      await client.setstat(this.#remote.path, { mode, atimeS, mtimeS });
      if (client.offers(EXTENSION.posixRename)) {
        await client.posixRename(this.#remote.path, destination);
        return;
      }
      // Without it nothing takes the place of a file in one step (SFTP v3, §6.5).
      const isTaken =
        (await this.context.remoteOver(connection).lstat(destination))?.type === 'file';
      if (isTaken) await client.remove(destination);
      await client.rename(this.#remote.path, destination);
    } catch (error) {
      throw await this.#writeFailure(connection, error);
    }
  }

  protected override async isNamed(connection: SftpConnection): Promise<boolean> {
    const remote = this.context.remoteOver(connection);
    if ((await remote.lstat(this.#remote.path)) !== undefined) return false;
    const facts = await remote.lstat(this.plan.destination);
    return facts?.size === this.plan.facts.size;
  }

  get #opened(): FileHandle {
    if (this.#source === undefined) throw new Error('the source is not open');
    return this.#source;
  }

  get #remote(): RemoteFile {
    if (this.#partial === undefined) throw new Error('there is no partial file');
    return this.#partial;
  }

  get #shownDestination(): string {
    return this.context.showRemote(this.plan.destination);
  }

  async #isOfUse(connection: SftpConnection, path: string): Promise<boolean> {
    const facts = await this.context.remoteOver(connection).lstat(path);
    return facts?.type === 'file' && facts.size <= this.plan.facts.size;
  }

  async #remove({ client }: SftpConnection, path: string): Promise<void> {
    await client.remove(path).catch(() => undefined);
  }

  /** A full disk is a bare "Failure" to OpenSSH, so the file system is asked; others say it. */
  async #writeFailure(connection: SftpConnection, error: unknown): Promise<unknown> {
    const { client } = connection;
    const isVague = error instanceof SftpStatusError && error.status === STATUS.failure;
    if (isVague && /no space|quota/i.test(error.message)) {
      return remoteDiskFull(this.#shownDestination);
    }
    if (isVague && client.offers(EXTENSION.statvfs)) {
      const free = await client
        .freeBytes(posix.dirname(this.plan.destination))
        .catch(() => Infinity);
      const missing = this.plan.facts.size - this.record.have.bytes;
      if (free < Math.max(missing, 1)) return remoteDiskFull(this.#shownDestination);
    }
    const remote = this.context.remoteOver(connection);
    const taken = isVague ? await remote.lstat(this.plan.destination) : undefined;
    if (taken?.type === 'directory') return isFolder(this.#shownDestination);
    return remoteFailure(error, 'write', this.#shownDestination);
  }
}
