import { DevaccessError, EXIT } from '../platform/errors.ts';
import type { InventoryNode } from './host.ts';

const USER_TAG = /^[a-z_][a-z0-9_-]{0,31}\$?$/;
/** A person may name a user of a directory too: `first.last@corp`. */
const USER_FLAG = /^[A-Za-z_][A-Za-z0-9._@-]{0,63}\$?$/;

/** The user an image of each distribution comes with (8.4), by the platform's name. */
const BY_PLATFORM: readonly (readonly [RegExp, string])[] = [
  [/^amazon linux/i, 'ec2-user'],
  [/ubuntu/i, 'ubuntu'],
  [/debian/i, 'admin'],
  [/centos/i, 'centos'],
  [/rocky/i, 'rocky'],
  [/fedora/i, 'fedora'],
  [/alma ?linux|red hat|rhel|suse|sles|bottlerocket|mac ?os/i, 'ec2-user'],
];

/**
 * Refuses a user name ssh could read as something else.
 *
 * @throws DevaccessError DA_USAGE
 */
export function checkUser(user: string): string {
  if (USER_FLAG.test(user)) return user;
  throw new DevaccessError('DA_USAGE', `'${user}' cannot be an SSH user`, {
    next: 'give a name of letters, digits and . _ - @',
    exitCode: EXIT.usage,
  });
}

/**
 * The user to log in as (8.4): the one asked for, the tag `ssh-user`, the platform's own.
 * Undefined leaves it to ssh: hybrid nodes have whatever users their owner made.
 */
export function hostUser(node: InventoryNode, asked: string | undefined): string | undefined {
  if (asked !== undefined) return asked;
  const tagged = node.tags.get('ssh-user');
  if (tagged !== undefined && USER_TAG.test(tagged)) return tagged;
  if (node.isHybrid) return undefined;
  const platform = node.platformName ?? '';
  return BY_PLATFORM.find(([pattern]) => pattern.test(platform))?.[1];
}

/** The port of sshd: the tag `ssh-port` if it is one, else 22. */
export function hostPort(node: InventoryNode): number {
  const tagged = node.tags.get('ssh-port') ?? '';
  const port = /^\d{1,5}$/.test(tagged) ? Number(tagged) : 0;
  return port >= 1 && port <= 65_535 ? port : 22;
}
