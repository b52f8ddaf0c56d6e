import { DevaccessError, EXIT } from '../platform/errors.ts';
import { isSshUser } from '../platform/ssh-user.ts';
import { matchesWildcard } from '../platform/wildcard.ts';
import { PORT_TAG, USER_TAG } from './fleet.ts';
import type { UserRule } from './fleet.ts';
import { tagValue } from './host.ts';
import type { InventoryNode } from './host.ts';

/** What may stand in a tag; anybody who can set tags writes it. */
const TAGGED_USER = /^[a-z_][a-z0-9_-]{0,31}\$?$/;

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
  if (isSshUser(user)) return user;
  throw new DevaccessError('DA_USAGE', `'${user}' cannot be an SSH user`, {
    next: 'give a name of letters, digits and . _ - @',
    exitCode: EXIT.usage,
  });
}

/**
 * The user to log in as (8.4): the one asked for, the tag `ssh-user`, the first of the person's
 * rules that fits, the platform's own. Undefined leaves it to ssh: hybrid nodes have whatever users
 * their owner made.
 */
export function hostUser(
  node: InventoryNode,
  { user, users }: { user: string | undefined; users: readonly UserRule[] },
): string | undefined {
  if (user !== undefined) return user;
  const tagged = node.tags.get(USER_TAG);
  if (tagged !== undefined && TAGGED_USER.test(tagged)) return tagged;
  const rule = users.find((candidate) => fits(candidate, node));
  if (rule !== undefined) return rule.user;
  if (node.isHybrid) return undefined;
  const platform = node.platformName ?? '';
  return BY_PLATFORM.find(([pattern]) => pattern.test(platform))?.[1];
}

/** The port of sshd: the one asked for, the tag `ssh-port` if it is one, else 22. */
export function hostPort(node: InventoryNode, asked: number | undefined): number {
  if (asked !== undefined) return asked;
  const tagged = node.tags.get(PORT_TAG) ?? '';
  const port = /^\d{1,5}$/.test(tagged) ? Number(tagged) : 0;
  return port >= 1 && port <= 65_535 ? port : 22;
}

function fits({ name, platform, tag }: UserRule, node: InventoryNode): boolean {
  return (
    (name === undefined || matches(name, node.name)) &&
    (platform === undefined || matches(platform, node.platformName)) &&
    (tag === undefined || hasTag(node, tag.key, [tag.pattern]))
  );
}

/** Whether a node has a tag whose value one of the patterns covers. */
export function hasTag(node: InventoryNode, key: string, patterns: readonly string[]): boolean {
  const value = tagValue(node, key);
  return value !== undefined && patterns.some((pattern) => matchesWildcard(pattern, value));
}

function matches(pattern: string, text = ''): boolean {
  return matchesWildcard(pattern.toLowerCase(), text.toLowerCase());
}
