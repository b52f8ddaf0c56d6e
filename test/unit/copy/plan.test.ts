import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileFacts, FileTree, Listing } from '../../../src/copy/file-tree.ts';
import { planCopy } from '../../../src/copy/plan.ts';
import type { CopyPlan } from '../../../src/copy/plan.ts';

/** A tree in memory: a path that ends in `/` is a directory, `@` a link, `|` a device. */
class MemoryTree implements FileTree {
  readonly followsLinks = false;
  readonly expandsPatterns = true;
  readonly #nodes = new Map<string, { type: FileFacts['type']; target?: string }>();
  readonly #badNames: Record<string, string[]>;

  constructor(paths: Record<string, string | null>, badNames: Record<string, string[]> = {}) {
    this.#nodes.set('/home', { type: 'directory' });
    for (const [path, content] of Object.entries(paths)) {
      if (path.endsWith('/')) this.#nodes.set(path.slice(0, -1), { type: 'directory' });
      else if (content === '|') this.#nodes.set(path, { type: 'other' });
      else if (content?.startsWith('@') === true)
        this.#nodes.set(path, { type: 'link', target: content.slice(1) });
      else this.#nodes.set(path, { type: 'file' });
    }
    this.#badNames = badNames;
  }

  show(path: string): string {
    return path;
  }
  resolve(path: string): Promise<string> {
    return Promise.resolve(posix.resolve('/home', path));
  }
  stat(path: string): Promise<FileFacts | undefined> {
    return this.lstat(this.#real(path));
  }
  lstat(path: string): Promise<FileFacts | undefined> {
    const node = this.#nodes.get(posix.join(this.#real(posix.dirname(path)), posix.basename(path)));
    const facts = { size: 1, mode: 0o644, atimeS: 1, mtimeS: 1, version: '1' };
    return Promise.resolve(node && { type: node.type, ...facts });
  }
  async list(path: string): Promise<Listing> {
    const real = this.#real(path);
    const names = [...this.#nodes.keys()].filter((other) => posix.dirname(other) === real);
    const entries = [];
    for (const name of names.map((other) => posix.basename(other)).sort()) {
      const facts = await this.lstat(posix.join(real, name));
      if (facts !== undefined) entries.push({ name, facts });
    }
    const refused = (this.#badNames[real] ?? []).map((name) => ({ name, why: 'odd' }));
    return { entries, refused };
  }
  realPath(path: string): Promise<string> {
    return Promise.resolve(this.#real(path));
  }
  makeDirectory(): Promise<void> {
    throw new Error('nothing is written by a plan');
  }
  setFacts(): Promise<void> {
    throw new Error('nothing is written by a plan');
  }
  removeFile(): Promise<void> {
    throw new Error('nothing is written by a plan');
  }
  join(directory: string, name: string): string {
    return posix.join(directory, name);
  }
  baseName(path: string): string {
    return /(?:^|\/)\.{1,2}\/*$/.test(path) ? '.' : posix.basename(path);
  }

  #real(path: string): string {
    let real = '/';
    for (const [depth, part] of path.split('/').filter(Boolean).entries()) {
      real = posix.join(real, part);
      const { target } = this.#nodes.get(real) ?? {};
      if (target !== undefined && depth < 99) real = this.#real(posix.resolve(real, '..', target));
    }
    return real;
  }
}

const source = new MemoryTree(
  {
    '/home/a.txt': '',
    '/home/other/': null,
    '/home/other/a.txt': '',
    '/home/dir/': null,
    '/home/dir/sub/': null,
    '/home/dir/sub/b': '',
    '/home/dir/empty/': null,
    '/home/dir/link': '@../a.txt',
    '/home/dir/linked': '@../other',
    '/home/dir/nowhere': '@missing',
    '/home/dir/up': '@..',
    '/home/dir/pipe': '|',
    '/home/file-link': '@a.txt',
  },
  { '/home/dir': ['..\n'] },
);
const target = new MemoryTree({
  '/home/there/': null,
  '/home/there/a.txt': '',
  '/home/there/to-file': '@../real/file',
  '/home/there/to-dir': '@../real',
  '/home/there/null': '|',
  '/home/there/to-null': '@null',
  '/home/real/': null,
  '/home/real/file': '',
});

function plan(sources: string[], destination: string, recursive = false): Promise<CopyPlan> {
  return planCopy({ from: source, to: target, sources, destination, recursive });
}

const pairs = (list: { source: string; destination: string }[]): string[] =>
  list.map((item) => `${item.source} > ${item.destination}`).sort();

describe('what is copied to where', () => {
  it.each([
    ['a.txt', 'there', '/home/there/a.txt'],
    ['a.txt', 'there/', '/home/there/a.txt'],
    ['a.txt', '', '/home/a.txt'],
    ['a.txt', '.', '/home/a.txt'],
    ['./a.txt', 'there/new', '/home/there/new'],
    ['a.txt', 'there/a.txt', '/home/there/a.txt'],
    ['a.txt', 'there/to-dir', '/home/real/a.txt'],
    ['a.txt', 'there/to-file', '/home/real/file'],
    ['file-link', 'there', '/home/there/file-link'],
  ])('%s to %j becomes %s', async (from, to, expected) => {
    const { files, refused } = await plan([from], to);
    expect(files.map(({ destination }) => destination)).toEqual([expected]);
    expect(refused).toEqual([]);
  });

  it.each([
    [['a.txt'], 'nowhere/', 'DA_NOT_A_DIRECTORY'],
    [['a.txt'], 'there/a.txt/', 'DA_NOT_A_DIRECTORY'],
    [['a.txt', 'other/a.txt'], 'there/new', 'DA_NOT_A_DIRECTORY'],
    [['a.txt'], 'there/null', 'DA_SPECIAL_FILE'],
    [['a.txt'], 'there/to-null', 'DA_SPECIAL_FILE'],
  ])('%j to %j is refused', async (sources, destination, code) => {
    await expect(plan(sources, destination)).rejects.toMatchObject({ code });
  });

  it('leaves out what cannot be copied, and says why', async () => {
    const { files, refused } = await plan(['missing', 'a.txt', 'dir', 'other/a.txt'], 'there');
    expect(pairs(files)).toEqual(['/home/a.txt > /home/there/a.txt']);
    expect(refused.map(({ path, error }) => [path, error.code])).toEqual([
      ['/home/missing', 'DA_NO_SUCH_FILE'],
      ['/home/dir', 'DA_IS_DIRECTORY'],
      ['/home/other/a.txt', 'DA_USAGE'],
    ]);
  });

  it('goes through a tree, follows links, and stops at loops and special files', async () => {
    const { directories, files, refused } = await plan(['dir'], 'there/new', true);
    expect(directories.map(({ destination }) => destination)).toEqual([
      '/home/there/new',
      '/home/there/new/empty',
      '/home/there/new/linked',
      '/home/there/new/sub',
    ]);
    expect(pairs(files)).toEqual([
      '/home/dir/link > /home/there/new/link',
      '/home/dir/linked/a.txt > /home/there/new/linked/a.txt',
      '/home/dir/sub/b > /home/there/new/sub/b',
    ]);
    expect(Object.fromEntries(refused.map(({ path, error }) => [path, error.code]))).toEqual({
      '/home/dir/..\n': 'DA_BAD_NAME',
      '/home/dir/nowhere': 'DA_NO_SUCH_FILE',
      '/home/dir/pipe': 'DA_SPECIAL_FILE',
      '/home/dir/up': 'DA_LINK_LOOP',
    });
  });

  it.each([
    ['dir', 'there', '/home/there/dir'],
    ['dir/', 'there', '/home/there/dir'],
    ['dir', 'there/new', '/home/there/new'],
    ['dir/.', 'there', '/home/there'],
    ['.', 'there', '/home/there'],
    ['dir/.', 'there/to-dir', '/home/real'],
  ])('-r %s to %s fills %s', async (from, to, expected) => {
    const { directories } = await plan([from], to, true);
    expect(directories[0]?.destination).toBe(expected);
  });

  it.each([
    [['*.txt'], ['a.txt']],
    [['*/*.txt'], ['other/a.txt']],
    [['dir/su?/[ab]'], ['dir/sub/b']],
    [
      ['[!x].txt', 'di*/l*k'],
      ['a.txt', 'dir/link'],
    ],
    [['*.none'], []],
  ])('%j stands for what matches', async (patterns, names) => {
    const { files, refused } = await plan(patterns, 'there');
    expect(files.map((file) => file.source)).toEqual(names.map((name) => `/home/${name}`));
    expect(refused.map(({ error }) => error.code)).toEqual(
      names.length === 0 ? ['DA_NO_SUCH_FILE'] : [],
    );
  });

  it('takes many matches only for a folder', async () => {
    await expect(plan(['*'], 'there/new')).rejects.toMatchObject({ code: 'DA_NOT_A_DIRECTORY' });
  });
});
