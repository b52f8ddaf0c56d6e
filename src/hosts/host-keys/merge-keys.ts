/** What becomes of a host's known keys when others are told of. Pure. */
import { fingerprint, isSameKey, sortedKeys } from './host-key.ts';
import type { HostKey } from './host-key.ts';
import type { KnownHost, KnownHosts, ToldBy } from './known-hosts-file.ts';

/** Keys that a host has now, as its agent or its bastion tells. */
export interface ToldKeys {
  instanceId: string;
  keys: readonly HostKey[];
  toldBy: ToldBy;
}

/**
 * `added`: nothing was known of the host. `updated`: it does not have all of its keys any more.
 * `changed`: it has a key that it did not have, which was not taken. `accepted`: it was.
 */
export type KeyChange = 'added' | 'unchanged' | 'updated' | 'changed' | 'accepted';

export interface MergedHost extends ToldKeys {
  change: KeyChange;
  /** Keys that were known before. */
  former: readonly HostKey[];
}

/**
 * Takes over what is told of hosts. Of a host that is known, no key is taken that was not known
 * before: neither in the place of another nor beside it, as one key that is not the host's is enough
 * for who pretends to be the host. It is remembered as shown, and taken the next time if the person
 * accepts it and it is still the same.
 *
 * @param accepts tells the hosts whose changed keys the person accepts
 */
export function mergeKeys(
  known: KnownHosts,
  told: readonly ToldKeys[],
  accepts: (instanceId: string) => boolean,
): { hosts: KnownHosts; merged: MergedHost[] } {
  const hosts = new Map(known);
  const merged = told.map((each): MergedHost => {
    const { instanceId } = each;
    const present = hosts.get(instanceId);
    const { change, host } = decide(present, each, accepts(instanceId));
    hosts.set(instanceId, host);
    return { ...each, change, former: present?.keys ?? [] };
  });
  return { hosts, merged };
}

/** Leaves out hosts that are no more. */
export function withoutHosts(hosts: KnownHosts, isGone: (id: string) => boolean): KnownHosts {
  return new Map([...hosts].filter(([id]) => !isGone(id)));
}

function decide(
  present: KnownHost | undefined,
  { keys, toldBy }: ToldKeys,
  isAccepted: boolean,
): { change: KeyChange; host: KnownHost } {
  const now: KnownHost = { keys: sortedKeys(keys), toldBy, refused: [] };
  if (present === undefined) return { change: 'added', host: now };
  const isNew = (key: HostKey): boolean => !present.keys.some((each) => isSameKey(each, key));
  if (!keys.some(isNew)) {
    const isWhole = new Set(keys.map(({ base64 }) => base64)).size === present.keys.length;
    if (isWhole) return { change: 'unchanged', host: { ...now, toldBy: better(present, now) } };
    // A server that did not answer for one of its keys may still have it; the node itself knows.
    if (toldBy.kind === 'node') return { change: 'updated', host: now };
    return { change: 'unchanged', host: { ...present, refused: [] } };
  }
  const shown = now.keys.map(fingerprint);
  const wasShown = shown.join() === present.refused.join();
  if (isAccepted && wasShown) return { change: 'accepted', host: now };
  return { change: 'changed', host: { ...present, refused: shown } };
}

/** That the host itself told of the very keys stays true when a bastion does. */
function better(present: KnownHost, now: KnownHost): ToldBy {
  return present.toldBy.kind === 'node' ? present.toldBy : now.toldBy;
}
