import fuzzysort from 'fuzzysort';
import type { SyncedHost } from './synced-hosts.ts';

/**
 * The hosts that a few typed letters may mean, the likeliest first; all of them, in their order, for no
 * letters. Each word must fit the name, the id, the address, or profile and region.
 */
export function searchHosts(hosts: readonly SyncedHost[], typed: string): SyncedHost[] {
  let found = [...hosts];
  for (const word of typed.split(/\s+/).filter((word) => word !== '')) {
    const keys = [
      (host: SyncedHost) => host.alias,
      (host: SyncedHost) => host.instanceId,
      (host: SyncedHost) => host.behind?.hostName ?? '',
      (host: SyncedHost) => `${host.profile ?? ''} ${host.region ?? ''}`,
    ];
    found = fuzzysort.go(word, found, { keys }).map(({ obj }) => obj);
  }
  return found;
}

/** What `ssh` is to be called with: the alias, or the id where several files have the alias. */
export function sshName(host: SyncedHost, hosts: readonly SyncedHost[]): string {
  const isUnique = hosts.every(
    ({ alias, instanceId }) => alias !== host.alias || instanceId === host.instanceId,
  );
  return isUnique ? host.alias : host.instanceId;
}

/** How a host is reached, for a person. */
export function wayTo({ behind, profile, region, instanceId }: SyncedHost): string {
  const way = behind === undefined ? instanceId : `${behind.hostName} behind ${behind.bastion}`;
  const account = [profile, region].filter((part) => part !== undefined).join(', ');
  return account === '' ? way : `${way} (${account})`;
}
