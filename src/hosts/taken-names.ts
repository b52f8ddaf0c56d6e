import { join } from 'node:path';
import { readTextFile } from '../platform/safe-file.ts';
import { knownHosts } from './known-hosts.ts';
import { hostNames } from './ssh-files.ts';
import type { ConfigItem } from './ssh-files.ts';

/** Names that servers of an inventory must not take. */
export interface ReservedNames {
  has(alias: string): boolean;
}

/**
 * Names taken by the rest of the SSH config; a line about a server of this very inventory takes
 * nothing away. A tag must not take over a domain name the person already reaches, such as that of a
 * Git server.
 *
 * @param items the person's config
 * @param isListed tells the ids of the inventory
 * @param fixed names of the fixed hosts
 */
export function reservedNames(
  items: Iterable<ConfigItem>,
  sshDirectory: string,
  { isListed, fixed }: { isListed: (id: string) => boolean; fixed: readonly string[] },
): ReservedNames {
  const foreign = hostNames(items).filter((names) => ![...names].some(isListed));
  const names = new Set(
    [...foreign.flatMap((line) => [...line]), ...fixed].map((name) => name.toLowerCase()),
  );
  const known = readTextFile(join(sshDirectory, 'known_hosts'), { encoding: 'binary' }) ?? '';
  const isKnown = knownHosts(known);
  return {
    has: (alias) => {
      const name = alias.toLowerCase();
      return names.has(name) || (name.includes('.') && isKnown(name));
    },
  };
}
