import type { Range } from './range-set.ts';
import { OPEN, STATUS } from './sftp/constants.ts';
import { SftpStatusError } from './sftp/errors.ts';
import type { SftpConnection } from './ssh/sftp-connection.ts';

/** One file of a server, open on every connection that works on it. */
export class RemoteFile {
  readonly path: string;
  readonly #flags: number;
  readonly #handles = new Map<SftpConnection, Promise<Buffer>>();

  /** @param flags of OPEN, for a file that is there */
  constructor(path: string, flags: number) {
    this.path = path;
    this.#flags = flags;
  }

  /** Makes it, for its owner alone; fails where something of that name is. */
  async create(connection: SftpConnection): Promise<void> {
    const flags = this.#flags | OPEN.create | OPEN.exclusive;
    await this.#opened(connection, connection.client.open(this.path, flags, { mode: 0o600 }));
  }

  handle(connection: SftpConnection): Promise<Buffer> {
    return (
      this.#handles.get(connection) ??
      this.#opened(connection, connection.client.open(this.path, this.#flags))
    );
  }

  /** A block of it; shorter only where the file ends. A server may answer with less than asked. */
  async readBlock(connection: SftpConnection, { from, to }: Range): Promise<Buffer> {
    const handle = await this.handle(connection);
    const parts: Buffer[] = [];
    for (let offset = from; offset < to;) {
      const part = await connection.client.read(handle, offset, to - offset);
      if (part.length === 0) break;
      parts.push(part);
      offset += part.length;
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  }

  /** Closes it everywhere. */
  async close(): Promise<void> {
    const opened = [...this.#handles];
    this.#handles.clear();
    await Promise.all(
      opened.map(async ([connection, handle]) => {
        try {
          if (connection.isOpen) await connection.client.close(await handle);
        } catch (error) {
          // It was the last word on what was written. A connection that is gone has none.
          if (error instanceof SftpStatusError && error.status === STATUS.failure) throw error;
        }
      }),
    );
  }

  #opened(connection: SftpConnection, handle: Promise<Buffer>): Promise<Buffer> {
    this.#handles.set(connection, handle);
    handle.catch(() => this.#handles.delete(connection));
    return handle;
  }
}
