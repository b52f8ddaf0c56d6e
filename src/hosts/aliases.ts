import { MAX_ALIAS, trimEnds } from './alias-name.ts';

/** A server to be named. */
export interface Named {
  instanceId: string;
  /** As `wantedAlias` gives it. */
  wanted: string | undefined;
}

/** A server whose entry stays as it is: in a file that is not written now. */
export interface KeptHost {
  alias: string;
  instanceId: string;
}

/** Names that others have. */
export interface TakenNames {
  /** Names of the rest of the SSH config. */
  reserved: { has(alias: string): boolean };
  kept: readonly KeptHost[];
}

const FIRST_SUFFIX = 6;

/**
 * An alias for every server, by instance id (8.3). Names that several share, or that are taken,
 * get the end of the id, all of them and whatever their order, so that no alias changes its
 * meaning when a server comes or goes before it in a list. Upper and lower case are one.
 */
export function assignAliases(
  servers: readonly Named[],
  { reserved, kept }: TakenNames,
): ReadonlyMap<string, string> {
  const keptBy = keptNames(kept);
  const suffixes = new Map<string, number>();
  const aliases = new Map<string, string>();
  let open: readonly Named[] = servers;
  for (;;) {
    for (const { instanceId, wanted } of open) {
      aliases.set(instanceId, withSuffix(wanted, instanceId, suffixes.get(instanceId) ?? 0));
    }
    const colliding = collisions(aliases, keptBy, reserved);
    if (colliding.size === 0) return aliases;
    for (const id of colliding) {
      const length = suffixes.get(id) ?? 0;
      suffixes.set(id, length === 0 ? FIRST_SUFFIX : length + 1);
    }
    open = servers.filter(({ instanceId }) => colliding.has(instanceId));
  }
}

/** Ids whose alias is another's, too. An alias that is its own id cannot be: ids are unique. */
function collisions(
  aliases: ReadonlyMap<string, string>,
  keptBy: ReadonlyMap<string, ReadonlySet<string>>,
  reserved: TakenNames['reserved'],
): ReadonlySet<string> {
  const holders = new Map<string, string>();
  const colliding = new Set<string>();
  for (const [id, alias] of aliases) {
    if (alias === id) continue;
    const name = alias.toLowerCase();
    const other = holders.get(name);
    if (other === undefined) holders.set(name, id);
    else colliding.add(other).add(id);
    const keepers = keptBy.get(name);
    const isKept = keepers !== undefined && (keepers.size > 1 || !keepers.has(id));
    if (isKept || reserved.has(alias)) colliding.add(id);
  }
  return colliding;
}

/**
 * Who has a name in files that stay. A kept `web-abc123` whose id ends so is one of several `web`:
 * that it stays today makes the others of the group no less several.
 */
function keptNames(kept: readonly KeptHost[]): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>();
  for (const { alias, instanceId } of kept) {
    for (const name of [alias, withoutSuffix(alias, instanceId)]) {
      const folded = name.toLowerCase();
      const holders = names.get(folded);
      if (holders === undefined) names.set(folded, new Set([instanceId]));
      else holders.add(instanceId);
    }
  }
  return names;
}

function withoutSuffix(alias: string, id: string): string {
  const at = alias.lastIndexOf('-');
  const digits = alias.slice(at + 1);
  return at > 0 && digits.length >= FIRST_SUFFIX && id.endsWith(digits)
    ? alias.slice(0, at)
    : alias;
}

/** `base-<last digits of the id>`; the id itself when there is no name or no more digits. */
function withSuffix(base: string | undefined, id: string, length: number): string {
  const digits = id.slice(id.indexOf('-') + 1);
  if (base === undefined || length > digits.length) return id;
  if (length === 0) return base;
  const cut = trimEnds(base.slice(0, MAX_ALIAS - 1 - length));
  return `${cut}-${digits.slice(-length)}`;
}
