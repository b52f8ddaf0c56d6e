import type { BigIntStats } from 'node:fs';
import { chmod, lstat, mkdir, readdir, realpath, stat, unlink, utimes } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { errorCode } from '../platform/file-errors.ts';
import { localFailure } from './failures.ts';
import { PERMISSION_BITS } from './file-tree.ts';
import type { FileFacts, FileTree, Listing } from './file-tree.ts';

/** This machine's files. */
export const localTree: FileTree = {
  followsLinks: false,
  expandsPatterns: false,
  show: (path) => path,
  resolve: (path) => Promise.resolve(resolve(path)),
  stat: (path) => factsAt(path, () => stat(path, { bigint: true })),
  lstat: (path) => factsAt(path, () => lstat(path, { bigint: true })),
  list,
  realPath: (path) => readable(path, () => realpath(path)),
  makeDirectory: (path, mode) => writable(path, () => mkdir(path, mode)),
  removeFile: (path) => unlink(path).catch(() => undefined),
  setFacts: (path, { mode, atimeS, mtimeS }) =>
    writable(path, async () => {
      await utimes(path, atimeS, mtimeS);
      await chmod(path, mode);
    }),
  join,
  baseName: (path) => (/(?:^|[/\\])\.{1,2}[/\\]*$/.exec(path) === null ? basename(path) : '.'),
};

async function list(path: string): Promise<Listing> {
  const names = await readable(path, () => readdir(path, { encoding: 'buffer' }));
  const listing: Listing = { entries: [], refused: [] };
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (const bytes of names.sort((a, b) => Buffer.compare(a, b))) {
    let name: string;
    try {
      name = decoder.decode(bytes);
    } catch {
      listing.refused.push({ name: bytes.toString('latin1'), why: 'the name is not UTF-8' });
      continue;
    }
    const facts = await localTree.lstat(join(path, name));
    // An entry removed meanwhile is left out.
    if (facts !== undefined) listing.entries.push({ name, facts });
  }
  return listing;
}

/** What `stat` tells of a local file, in the form of a copy. */
export function localFacts(stats: BigIntStats): FileFacts {
  const type = stats.isFile()
    ? 'file'
    : stats.isDirectory()
      ? 'directory'
      : stats.isSymbolicLink()
        ? 'link'
        : 'other';
  return {
    type,
    size: Number(stats.size),
    mode: Number(stats.mode) & PERMISSION_BITS,
    atimeS: Number(stats.atimeNs) / 1e9,
    mtimeS: Number(stats.mtimeNs) / 1e9,
    version: `${stats.size}:${stats.mtimeNs}`,
  };
}

async function factsAt(
  path: string,
  read: () => Promise<BigIntStats>,
): Promise<FileFacts | undefined> {
  try {
    return localFacts(await read());
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw localFailure(error, 'read', path);
  }
}

async function readable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw localFailure(error, 'read', path);
  }
}

async function writable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw localFailure(error, 'write', path);
  }
}
