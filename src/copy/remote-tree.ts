import { posix } from 'node:path';
import { FileFailure, noSuchFile, remoteFailure } from './failures.ts';
import { refusedName } from './file-names.ts';
import { PERMISSION_BITS } from './file-tree.ts';
import type { FileFacts, FileTree, Listing } from './file-tree.ts';
import type { SftpAttributes } from './sftp/attributes.ts';
import { EXTENSION, FILE_TYPE, STATUS } from './sftp/constants.ts';
import { SftpStatusError } from './sftp/errors.ts';
import type { SftpClient } from './sftp/sftp-client.ts';

/** More entries in one directory are no directory's: a server could go on for ever. */
const MAX_ENTRIES = 1_000_000;

/** A server's files over SFTP. */
export class RemoteTree implements FileTree {
  readonly followsLinks = true;
  readonly expandsPatterns = true;
  readonly #host: string;
  readonly #client: () => SftpClient;
  #home: Promise<string> | undefined;

  /** @param client gives a connection that is open */
  constructor(host: string, client: () => SftpClient) {
    this.#host = host;
    this.#client = client;
  }

  show(path: string): string {
    return `${this.#host}:${path}`;
  }

  async resolve(path: string): Promise<string> {
    // A path that begins with ~name is the server's to expand.
    const tilde = /^~(?<user>[^/]*)(?:\/+(?<rest>.*))?$/s.exec(path)?.groups;
    if (tilde?.['user'] !== undefined && tilde['user'] !== '') return this.#expand(path);
    const relative = tilde === undefined ? path : (tilde['rest'] ?? '');
    return posix.resolve(await this.#homeDirectory(), relative);
  }

  stat(path: string): Promise<FileFacts | undefined> {
    return this.#facts(path, (client) => client.stat(path));
  }

  lstat(path: string): Promise<FileFacts | undefined> {
    return this.#facts(path, (client) => client.lstat(path));
  }

  async list(path: string): Promise<Listing> {
    const names = await this.#request('read', path, async (client) => {
      const handle = await client.openDirectory(path);
      const all = [];
      for (let some = await client.readDirectory(handle); some.length > 0;) {
        all.push(...some);
        if (all.length > MAX_ENTRIES) break;
        some = await client.readDirectory(handle);
      }
      await client.close(handle);
      return all;
    });
    if (names.length > MAX_ENTRIES) {
      throw new FileFailure('DA_REMOTE_FAILED', `${this.show(path)} has too many entries`, {
        next: 'copy it in parts',
      });
    }
    const listing: Listing = { entries: [], refused: [] };
    for (const { name, attributes } of names.sort((a, b) => Buffer.compare(a.name, b.name))) {
      const text = name.toString('utf8');
      if (text === '.' || text === '..') continue;
      const why = refusedName(name);
      if (why !== undefined) {
        listing.refused.push({ name: text, why });
        continue;
      }
      const facts =
        attributes.mode === undefined
          ? await this.lstat(this.join(path, text))
          : remoteFacts(attributes);
      if (facts !== undefined) listing.entries.push({ name: text, facts });
    }
    return listing;
  }

  async realPath(path: string): Promise<string> {
    return absolutePath(await this.#request('read', path, (client) => client.realPath(path)));
  }

  makeDirectory(path: string, mode: number): Promise<void> {
    return this.#request('write', path, (client) => client.mkdir(path, { mode }));
  }

  removeFile(path: string): Promise<void> {
    return this.#client()
      .remove(path)
      .catch(() => undefined);
  }

  setFacts(
    path: string,
    { mode, atimeS, mtimeS }: Pick<FileFacts, 'mode' | 'atimeS' | 'mtimeS'>,
  ): Promise<void> {
    return this.#request('write', path, (client) => client.setstat(path, { mode, atimeS, mtimeS }));
  }

  join(directory: string, name: string): string {
    return posix.join(directory, name);
  }

  baseName(path: string): string {
    return /(?:^|\/)\.{1,2}\/*$/.exec(path) === null ? posix.basename(path) : '.';
  }

  #homeDirectory(): Promise<string> {
    this.#home ??= this.#request('read', '.', async (client) =>
      absolutePath(await client.realPath('.')),
    );
    return this.#home;
  }

  async #expand(path: string): Promise<string> {
    if (!this.#client().offers(EXTENSION.expandPath)) {
      throw new FileFailure('DA_NO_SUCH_FILE', `${this.#host} does not expand ${path}`, {
        next: 'write the whole path',
      });
    }
    return absolutePath(await this.#request('read', path, (client) => client.expandPath(path)));
  }

  async #facts(
    path: string,
    ask: (client: SftpClient) => Promise<SftpAttributes>,
  ): Promise<FileFacts | undefined> {
    try {
      return remoteFacts(await ask(this.#client()));
    } catch (error) {
      if (error instanceof SftpStatusError && error.status === STATUS.noSuchFile) return undefined;
      throw remoteFailure(error, 'read', this.show(path));
    }
  }

  async #request<T>(
    action: 'read' | 'write',
    path: string,
    ask: (client: SftpClient) => Promise<T>,
  ): Promise<T> {
    try {
      return await ask(this.#client());
    } catch (error) {
      throw remoteFailure(error, action, this.show(path));
    }
  }
}

/** What SFTP tells of a file, in the form of a copy. */
export function remoteFacts({ mode, size = 0, atimeS, mtimeS = 0 }: SftpAttributes): FileFacts {
  return {
    type: typeOf(mode),
    size,
    mode: (mode ?? 0o644) & PERMISSION_BITS,
    atimeS: atimeS ?? mtimeS,
    mtimeS,
    version: `${size}:${mtimeS}`,
  };
}

function typeOf(mode = 0): FileFacts['type'] {
  switch (mode & FILE_TYPE.mask) {
    case FILE_TYPE.regular:
      return 'file';
    case FILE_TYPE.directory:
      return 'directory';
    case FILE_TYPE.link:
      return 'link';
    default:
      return 'other';
  }
}

function absolutePath(bytes: Buffer): string {
  const path = bytes.toString('utf8');
  if (!path.startsWith('/') || path.includes('\0')) throw noSuchFile(path);
  return path;
}
