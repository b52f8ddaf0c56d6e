import { constants } from 'node:fs';
import { chmod, lstat, open, rename, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isSpecial, localFailure, remoteFailure, sourceChanged } from './failures.ts';
import { FileTransfer, SYNC_FROM_BYTES } from './file-transfer.ts';
import { localDigest, readBlock } from './local-file.ts';
import { localTree } from './local-tree.ts';
import type { Range } from './range-set.ts';
import { RemoteFile } from './remote-file.ts';
import { remoteFacts } from './remote-tree.ts';
import { OPEN } from './sftp/constants.ts';
import type { SftpConnection } from './ssh/sftp-connection.ts';

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/** A server's file on its way here. */
export class Download extends FileTransfer {
  readonly #source = new RemoteFile(this.plan.source, OPEN.read);
  #partial: { file: FileHandle; path: string } | undefined;
  #digest: Promise<string | undefined> | undefined;

  override get shown(): string {
    return this.context.showRemote(this.plan.source);
  }

  override blockBytes({ limits }: SftpConnection): number {
    return limits.readBytes;
  }

  override async leave(): Promise<void> {
    this.record.flush();
    const partial = this.#partial;
    this.#partial = undefined;
    await partial?.file.close();
    await this.#source.close().catch(() => undefined);
  }

  protected override async openBoth(connection: SftpConnection): Promise<boolean> {
    await this.checkSource(connection);
    // The server may take long over it; it need not wait for the last byte.
    if (this.isDigested) {
      this.#digest ??= this.context.remoteDigest(this.plan.source);
    }
    const { destination } = this.plan;
    try {
      this.#partial ??= (await this.#openEarlier()) ?? (await this.#create());
    } catch (error) {
      throw localFailure(error, 'write', destination);
    }
    return this.record.have.bytes > 0;
  }

  protected override async moveBlock(connection: SftpConnection, block: Range): Promise<void> {
    const data = await this.#read(connection, block);
    if (data.length < block.to - block.from) throw sourceChanged(this.shown);
    try {
      for (let written = 0; written < data.length;) {
        const rest = data.length - written;
        const { file } = this.#local;
        written += (await file.write(data, written, rest, block.from + written)).bytesWritten;
      }
    } catch (error) {
      throw localFailure(error, 'write', this.plan.destination);
    }
  }

  protected override async isSame(connection: SftpConnection, block: Range): Promise<boolean> {
    const { file, path } = this.#local;
    const [here, there] = await Promise.all([
      readBlock(file, block, path),
      this.#read(connection, block),
    ]);
    return here.equals(there);
  }

  protected override async checkSource(connection: SftpConnection): Promise<void> {
    try {
      const handle = await this.#source.handle(connection);
      const { version } = remoteFacts(await connection.client.fstat(handle));
      if (version !== this.plan.facts.version) throw sourceChanged(this.shown);
    } catch (error) {
      throw remoteFailure(error, 'read', this.shown);
    }
  }

  protected override async digests(): Promise<{ source: string; copy: string } | undefined> {
    const source = await this.#digest;
    if (source === undefined) return undefined;
    const { file, path } = this.#local;
    return { source, copy: await localDigest(file, path) };
  }

  protected override async discard(): Promise<void> {
    if (this.#partial === undefined) return;
    const { file, path } = this.#partial;
    this.#partial = undefined;
    await file.close();
    await unlink(path).catch(() => undefined);
    this.record.begin(this.plan.destination, basename(this.plan.destination));
  }

  protected override async name(): Promise<void> {
    const { destination, facts } = this.plan;
    const { file, path } = this.#local;
    try {
      await file.utimes(facts.atimeS, facts.mtimeS);
      await file.chmod(facts.mode);
      if (facts.size >= SYNC_FROM_BYTES) await file.sync();
      if ((await localTree.lstat(destination))?.type === 'other') throw isSpecial(destination);
      await rename(path, destination);
    } catch (error) {
      throw localFailure(error, 'write', destination);
    }
  }

  protected override isNamed(): Promise<boolean> {
    // Nothing of that can be lost with a connection.
    return Promise.resolve(false);
  }

  get #local(): { file: FileHandle; path: string } {
    if (this.#partial === undefined) throw new Error('there is no partial file');
    return this.#partial;
  }

  async #read(connection: SftpConnection, block: Range): Promise<Buffer> {
    try {
      return await this.#source.readBlock(connection, block);
    } catch (error) {
      throw remoteFailure(error, 'read', this.shown);
    }
  }

  /** The partial file of an earlier run, where it still is what that run made. */
  async #openEarlier(): Promise<{ file: FileHandle; path: string } | undefined> {
    const { partial, have } = this.record;
    if (partial === undefined) return undefined;
    const path = join(dirname(this.plan.destination), partial);
    try {
      if (have.bytes === 0) {
        await unlink(path);
        return undefined;
      }
      if (!(await lstat(path)).isFile()) return undefined;
      // It may have got its mode already, and that may not let it be written.
      await chmod(path, 0o600);
      return { path, file: await open(path, O_RDWR | O_NOFOLLOW) };
    } catch {
      return undefined;
    }
  }

  async #create(): Promise<{ file: FileHandle; path: string }> {
    const { destination } = this.plan;
    const name = this.record.begin(destination, basename(destination));
    const path = join(dirname(destination), name);
    return { path, file: await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600) };
  }
}
