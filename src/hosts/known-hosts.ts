import { createHmac } from 'node:crypto';

/**
 * Tells the names a known_hosts text holds keys for, in the clear or hashed (sshd(8), "SSH
 * KNOWN_HOSTS FILE FORMAT"); patterns and ports other than 22 play no part.
 */
export function knownHosts(text: string): (name: string) => boolean {
  const names = new Set<string>();
  const hashed: { salt: Buffer; hash: string }[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [first = '', second = ''] = line.trim().split(/\s+/);
    if (first.startsWith('#')) continue;
    for (const name of (first.startsWith('@') ? second : first).split(',')) {
      const [, salt, hash] = /^\|1\|([^|]+)\|([^|]+)$/.exec(name) ?? [];
      if (salt === undefined || hash === undefined) names.add(name.toLowerCase());
      else hashed.push({ salt: Buffer.from(salt, 'base64'), hash });
    }
  }
  return (name) =>
    names.has(name) ||
    hashed.some(
      ({ salt, hash }) => createHmac('sha1', salt).update(name).digest('base64') === hash,
    );
}
