/** A tag by which nodes are chosen. */
export interface Tag {
  key: string;
  value: string;
}

/** Reads `tag:KEY=VALUE`; a key has no `=`. Undefined for any other text. */
export function parseTag(text: string): Tag | undefined {
  const [, key, value] = /^tag:([^=]+)=(.*)$/s.exec(text) ?? [];
  return key === undefined || value === undefined ? undefined : { key, value };
}
