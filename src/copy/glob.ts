import type { FileTree } from './file-tree.ts';

/** Matches that are followed further; a pattern that finds more is too wide to be meant. */
const MAX_MATCHES = 100_000;

/**
 * The paths a pattern of `*`, `?` and `[…]` stands for, in order; hidden names only where the pattern
 * has the dot. Names are those of the tree's own listing, and nothing else is asked of a server.
 *
 * @param path absolute; `\` takes the meaning from the character behind it
 */
export async function expandPattern(tree: FileTree, path: string): Promise<string[]> {
  let found = ['/'];
  for (const part of path.split('/').filter((name) => name !== '')) {
    const pattern = namePattern(part);
    if (pattern === undefined) {
      const name = part.replace(/\\(.)/gs, '$1');
      found = found.map((folder) => tree.join(folder, name));
      continue;
    }
    const next: string[] = [];
    for (const folder of found) {
      if ((await tree.stat(folder))?.type !== 'directory') continue;
      const { entries } = await tree.list(folder);
      const names = entries.map(({ name }) => name).filter((name) => pattern.test(name));
      next.push(...names.map((name) => tree.join(folder, name)));
      if (next.length > MAX_MATCHES) return [];
    }
    found = next;
  }
  const facts = await Promise.all(found.map((match) => tree.lstat(match)));
  return found.filter((_, index) => facts[index] !== undefined);
}

/**
 * What a name must match (glob(7)); undefined where the part of a path means only itself.
 */
export function namePattern(part: string): RegExp | undefined {
  let source = '';
  let isPattern = false;
  for (let at = 0; at < part.length; at += 1) {
    const character = part[at] ?? '';
    const set = character === '[' ? SET.exec(part.slice(at)) : null;
    if (character === '*') source += '.*';
    else if (character === '?') source += '.';
    else if (set?.groups !== undefined) {
      const { not = '', members = '' } = set.groups;
      source += `[${not === '' ? '' : '^'}${members.replace(/[\\\]^[]/g, '\\$&')}]`;
      at += set[0].length - 1;
    } else {
      const literal = character === '\\' ? (part[(at += 1)] ?? '\\') : character;
      source += literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
      continue;
    }
    isPattern = true;
  }
  if (!isPattern) return undefined;
  const hidden = part.startsWith('.') ? '' : '(?!\\.)';
  try {
    return new RegExp(`^${hidden}${source}$`, 'su');
  } catch {
    // Such as a range that runs backwards.
    return undefined;
  }
}

/** `[abc]`, `[a-z]`, `[!abc]`; a `]` first is a member. */
const SET = /^\[(?<not>[!^])?(?<members>\]?[^\]]*)\]/;
