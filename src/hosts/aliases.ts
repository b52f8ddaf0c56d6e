/** A server to be named. */
export interface Named {
  instanceId: string;
  /** Tag `Name`. Untrusted text. */
  name: string | undefined;
}

/** Names that are taken. */
export interface Reserved {
  has(alias: string): boolean;
}

const MAX_LENGTH = 63;
const FIRST_SUFFIX = 6;

/**
 * A name as an SSH alias: lower case, only `a-z 0-9 . _ -`, at most 63, undefined when nothing is
 * left or it would pass for an id, an address or this computer (8.3). Accents are dropped.
 */
export function normaliseName(name: string): string | undefined {
  const cleaned = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/-{2,}/g, '-');
  const alias = trimEnds(trimEnds(cleaned).slice(0, MAX_LENGTH));
  const isReserved = /^(m?i-[0-9a-f]+|[0-9.]+|localhost)$/.test(alias);
  return alias === '' || isReserved ? undefined : alias;
}

/**
 * An alias for every server, by instance id (8.3). Names that several share, or that are taken,
 * get the end of the id, all of them and whatever their order, so that no alias changes its
 * meaning when a server comes or goes before it in a list.
 *
 * @param reserved names other parts of the SSH config give to other hosts
 */
export function assignAliases(
  servers: readonly Named[],
  reserved: Reserved,
): ReadonlyMap<string, string> {
  const bases = new Map(
    servers.map(({ instanceId, name }) => [instanceId, normaliseName(name ?? '')]),
  );
  const suffixes = new Map<string, number>();
  for (;;) {
    const aliases = new Map<string, string>();
    const holders = new Map<string, string[]>();
    for (const [id, base] of bases) {
      const alias = withSuffix(base, id, suffixes.get(id) ?? 0);
      aliases.set(id, alias);
      const others = holders.get(alias);
      if (others === undefined) holders.set(alias, [id]);
      else others.push(id);
    }
    // An alias that is its own id cannot collide: ids are unique and no name looks like one.
    const colliding = [...holders].filter(
      ([alias, ids]) => ids.length > 1 || (reserved.has(alias) && alias !== ids[0]),
    );
    if (colliding.length === 0) return aliases;
    for (const id of colliding.flatMap(([, ids]) => ids)) {
      const length = suffixes.get(id) ?? 0;
      suffixes.set(id, length === 0 ? FIRST_SUFFIX : length + 1);
    }
  }
}

/** `base-<last digits of the id>`; the id itself when there is no name or no more digits. */
function withSuffix(base: string | undefined, id: string, length: number): string {
  const digits = id.slice(id.indexOf('-') + 1);
  if (base === undefined || length > digits.length) return id;
  if (length === 0) return base;
  const cut = trimEnds(base.slice(0, MAX_LENGTH - 1 - length));
  return `${cut}-${digits.slice(-length)}`;
}

function trimEnds(text: string): string {
  return text.replace(/^[-.]+/, '').replace(/[-.]+$/, '');
}
