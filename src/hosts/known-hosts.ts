import { createHmac } from 'node:crypto';
import { parseHostKey } from './host-keys/host-key.ts';
import type { HostKey } from './host-keys/host-key.ts';

/**
 * Tells the names a known_hosts text holds keys for, in the clear or hashed (sshd(8), "SSH
 * KNOWN_HOSTS FILE FORMAT"); patterns and ports other than 22 play no part.
 */
export function knownHosts(text: string): (name: string) => boolean {
  const lines = linesByName(text);
  return (name) => lines(name).length > 0;
}

/** Tells the keys that a known_hosts text holds for a name, without those of authorities. */
export function keysInKnownHosts(text: string): (name: string) => HostKey[] {
  const lines = linesByName(text);
  return (name) =>
    lines(name).flatMap(({ isMarked, type, base64 }) => {
      const key = isMarked ? undefined : parseHostKey(type, base64);
      return key === undefined ? [] : [key];
    });
}

interface KnownLine {
  /** By `@cert-authority` or `@revoked`. */
  isMarked: boolean;
  type: string;
  base64: string;
}

function linesByName(text: string): (name: string) => KnownLine[] {
  const plain = new Map<string, KnownLine[]>();
  const hashed: { salt: Buffer; hash: string; line: KnownLine }[] = [];
  for (const each of text.split(/\r?\n/)) {
    const words = each.trim().split(/\s+/);
    if (words[0]?.startsWith('#') === true) continue;
    const isMarked = words[0]?.startsWith('@') === true;
    const [names = '', type = '', base64 = ''] = isMarked ? words.slice(1) : words;
    const line = { isMarked, type, base64 };
    for (const name of names.split(',')) {
      const [, salt, hash] = /^\|1\|([^|]+)\|([^|]+)$/.exec(name) ?? [];
      if (salt !== undefined && hash !== undefined) {
        hashed.push({ salt: Buffer.from(salt, 'base64'), hash, line });
      } else {
        const known = plain.get(name.toLowerCase());
        if (known === undefined) plain.set(name.toLowerCase(), [line]);
        else known.push(line);
      }
    }
  }
  return (name) => [
    ...(plain.get(name) ?? []),
    ...hashed
      .filter(({ salt, hash }) => createHmac('sha1', salt).update(name).digest('base64') === hash)
      .map(({ line }) => line),
  ];
}
