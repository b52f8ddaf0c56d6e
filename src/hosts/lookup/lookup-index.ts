/** Where in a long list of entries each name's entry is; look-up.sh reads it. Pure. */

/** What look-up.sh counts characters by. */
const CHARACTERS = '-._0123456789abcdefghijklmnopqrstuvwxyz';
const BUCKETS = 1024;
/** Names that look-up.sh takes, in lower case; aliases and ids are no others. */
const NAME = /^[a-z0-9_][a-z0-9._-]{0,254}$/;

export interface LookupIndex {
  /** The entries, one after the other. */
  entries: string;
  /**
   * Lines `NAME OFFSET LENGTH`, in lower case and in bytes; as many blocks as there are buckets, filled
   * up with line ends.
   */
  index: string;
  /** Bytes of a block. */
  blockBytes: number;
}

/** The bucket of a name, such as a shell can reckon it. */
export function bucketOf(name: string): number {
  let bucket = 0;
  for (const character of name) {
    bucket = (bucket * 31 + CHARACTERS.indexOf(character)) % BUCKETS;
  }
  return bucket;
}

/**
 * Of a name that several entries have, the first is found, as ssh would; of names that differ in case
 * alone there are no two.
 *
 * @param texts texts of `hosts sync`, in the order in which ssh would read them
 */
export function lookupIndex(texts: readonly string[]): LookupIndex {
  const seen = new Set<string>();
  const buckets = Array.from({ length: BUCKETS }, (): string[] => []);
  const entries = texts.flatMap((text) => text.split(/^(?=Host )/m).slice(1));
  let offset = 0;
  for (const entry of entries) {
    const length = Buffer.byteLength(entry);
    const names = entry.slice('Host '.length, entry.indexOf('\n')).toLowerCase().split(' ');
    for (const name of names) {
      if (seen.has(name) || !NAME.test(name)) continue;
      seen.add(name);
      buckets[bucketOf(name)]?.push(`${name} ${offset} ${length}\n`);
    }
    offset += length;
  }
  const blocks = buckets.map((lines) => lines.join(''));
  const blockBytes = Math.max(...blocks.map((block) => block.length));
  const index = blocks.map((block) => block.padEnd(blockBytes, '\n')).join('');
  return { entries: entries.join(''), index, blockBytes };
}
