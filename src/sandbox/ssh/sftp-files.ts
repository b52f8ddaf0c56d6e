import { constants } from 'node:fs';
import type { BigIntStatsFs, Stats } from 'node:fs';
import {
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rmdir,
  stat,
  statfs,
  symlink,
  unlink,
} from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import ssh2 from 'ssh2';
import type { Attributes, FileEntry } from 'ssh2';
import { attributesOf, longName, setAttributes } from './sftp-attributes.ts';

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;

/** Handles one client may hold; OpenSSH needs a few. */
export const MAX_HANDLES = 256;
/** Largest piece of a file in one answer: OpenSSH takes packets of 256 KiB, headers included. */
export const MAX_READ_BYTES = 255 * 1024;
const ENTRIES_PER_ANSWER = 100;

/** A request that fails with an SFTP status code. */
export class SftpFailure extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'SftpFailure';
    this.status = status;
  }
}

interface OpenDirectory {
  path: string;
  names: string[];
}

/**
 * The file system behind one SFTP channel. Relative paths start at the host's home directory,
 * absolute ones are this machine's, as with an ordinary sshd.
 */
export class SftpFiles {
  readonly #homeDirectory: string;
  readonly #handles = new Map<number, FileHandle | OpenDirectory>();
  #nextHandle = 0;

  constructor(homeDirectory: string) {
    this.#homeDirectory = homeDirectory;
  }

  async open(path: string, flags: number, attributes: Partial<Attributes>): Promise<Buffer> {
    const mode = attributes.mode === undefined ? 0o666 : attributes.mode & 0o7777;
    const file = await open(this.#absolute(path), openFlags(flags), mode);
    return this.#keep(file, () => file.close());
  }

  /** Bytes of an open file; at its end fails with the status EOF. */
  async read(handle: Buffer, offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.min(length, MAX_READ_BYTES));
    const { bytesRead } = await this.#file(handle).read(buffer, 0, buffer.length, offset);
    if (bytesRead === 0) throw new SftpFailure(STATUS_CODE.EOF, 'end of file');
    return buffer.subarray(0, bytesRead);
  }

  async write(handle: Buffer, offset: number, data: Buffer): Promise<void> {
    const file = this.#file(handle);
    for (let written = 0; written < data.length;) {
      const rest = data.length - written;
      written += (await file.write(data, written, rest, offset + written)).bytesWritten;
    }
  }

  async close(handle: Buffer): Promise<void> {
    const number = handleNumber(handle);
    const entry = this.#handles.get(number);
    if (entry === undefined) throw badHandle();
    this.#handles.delete(number);
    if (!('names' in entry)) await entry.close();
  }

  async openDirectory(path: string): Promise<Buffer> {
    const absolute = this.#absolute(path);
    const names = ['.', '..', ...(await readdir(absolute))];
    return this.#keep({ path: absolute, names }, () => Promise.resolve());
  }

  /** The next entries of an open directory; after the last fails with the status EOF. */
  async readDirectory(handle: Buffer): Promise<FileEntry[]> {
    const directory = this.#handles.get(handleNumber(handle));
    if (directory === undefined || !('names' in directory)) throw badHandle();
    const entries: FileEntry[] = [];
    while (entries.length === 0) {
      const names = directory.names.splice(0, ENTRIES_PER_ANSWER);
      if (names.length === 0) throw new SftpFailure(STATUS_CODE.EOF, 'end of directory');
      for (const filename of names) {
        // An entry removed meanwhile is left out.
        const stats = await lstat(join(directory.path, filename)).catch(() => undefined);
        if (stats !== undefined) entries.push(fileEntry(filename, stats));
      }
    }
    return entries;
  }

  async stat(path: string): Promise<Attributes> {
    return attributesOf(await stat(this.#absolute(path)));
  }

  async lstat(path: string): Promise<Attributes> {
    return attributesOf(await lstat(this.#absolute(path)));
  }

  async fstat(handle: Buffer): Promise<Attributes> {
    return attributesOf(await this.#file(handle).stat());
  }

  setstat(path: string, attributes: Partial<Attributes>): Promise<void> {
    return setAttributes(this.#absolute(path), attributes);
  }

  fsetstat(handle: Buffer, attributes: Partial<Attributes>): Promise<void> {
    return setAttributes(this.#file(handle), attributes);
  }

  async makeDirectory(path: string, attributes: Partial<Attributes>): Promise<void> {
    const mode = attributes.mode === undefined ? 0o777 : attributes.mode & 0o7777;
    await mkdir(this.#absolute(path), mode);
  }

  removeDirectory(path: string): Promise<void> {
    return rmdir(this.#absolute(path));
  }

  remove(path: string): Promise<void> {
    return unlink(this.#absolute(path));
  }

  /** Renames; SFTP v3 does not let an existing file be replaced. */
  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [this.#absolute(from), this.#absolute(to)];
    if (await exists(target)) throw new SftpFailure(STATUS_CODE.FAILURE, 'target exists');
    const stats = await lstat(source);
    if (!stats.isFile()) {
      await rename(source, target);
      return;
    }
    // A link fails where another has made the target meanwhile; a rename would replace it.
    await link(source, target);
    await unlink(source);
  }

  /** Renames over whatever file is there, as rename(2) does. */
  async renameOver(from: string, to: string): Promise<void> {
    await rename(this.#absolute(from), this.#absolute(to));
  }

  async sync(handle: Buffer): Promise<void> {
    await this.#file(handle).sync();
  }

  /** What statvfs(3) tells of the file system of a path. */
  fileSystem(path: string): Promise<BigIntStatsFs> {
    return statfs(this.#absolute(path), { bigint: true });
  }

  async readLink(path: string): Promise<FileEntry[]> {
    return nameOnly(await readlink(this.#absolute(path)));
  }

  async symbolicLink(target: string, path: string): Promise<void> {
    await symlink(target, this.#absolute(path));
  }

  /** `~` and what is below it. */
  expandPath(path: string): Promise<FileEntry[]> {
    const tilde = /^~(?:\/(.*))?$/s.exec(path);
    if (path.startsWith('~') && tilde === null) {
      throw new SftpFailure(STATUS_CODE.NO_SUCH_FILE, 'no such user');
    }
    return this.realPath(tilde === null ? path : (tilde[1] ?? '.'));
  }

  /** The absolute path, links resolved as far as the path exists. */
  async realPath(path: string): Promise<FileEntry[]> {
    const absolute = this.#absolute(path);
    const real = await realpath(absolute).catch(async () => {
      const parent = await realpath(dirname(absolute)).catch(() => dirname(absolute));
      return join(parent, basename(absolute));
    });
    return nameOnly(real);
  }

  /** Closes what the client left open. */
  async closeAll(): Promise<void> {
    const entries = [...this.#handles.values()];
    this.#handles.clear();
    for (const entry of entries) {
      if (!('names' in entry)) await entry.close().catch(() => undefined);
    }
  }

  #absolute(path: string): string {
    return resolve(this.#homeDirectory, path);
  }

  async #keep(entry: FileHandle | OpenDirectory, giveUp: () => Promise<void>): Promise<Buffer> {
    if (this.#handles.size >= MAX_HANDLES) {
      await giveUp();
      throw new SftpFailure(STATUS_CODE.FAILURE, 'too many open handles');
    }
    const number = this.#nextHandle++;
    this.#handles.set(number, entry);
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(number);
    return handle;
  }

  #file(handle: Buffer): FileHandle {
    const entry = this.#handles.get(handleNumber(handle));
    if (entry === undefined || 'names' in entry) throw badHandle();
    return entry;
  }
}

function openFlags(flags: number): number {
  const has = (bit: number): boolean => (flags & bit) !== 0;
  const write = has(OPEN_MODE.WRITE) || has(OPEN_MODE.APPEND);
  let result = !write
    ? constants.O_RDONLY
    : has(OPEN_MODE.READ)
      ? constants.O_RDWR
      : constants.O_WRONLY;
  if (has(OPEN_MODE.APPEND)) result |= constants.O_APPEND;
  if (has(OPEN_MODE.CREAT)) result |= constants.O_CREAT;
  if (has(OPEN_MODE.TRUNC)) result |= constants.O_TRUNC;
  if (has(OPEN_MODE.EXCL)) result |= constants.O_EXCL;
  return result;
}

function handleNumber(handle: Buffer): number {
  return handle.length === 4 ? handle.readUInt32BE(0) : -1;
}

function badHandle(): SftpFailure {
  return new SftpFailure(STATUS_CODE.FAILURE, 'no such handle');
}

function fileEntry(filename: string, stats: Stats): FileEntry {
  return {
    filename,
    longname: longName(filename, stats, Date.now()),
    attrs: attributesOf(stats),
  };
}

function nameOnly(filename: string): FileEntry[] {
  return [{ filename, longname: filename, attrs: {} as Attributes }];
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
