import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { selectHosts } from '../selectors.ts';
import type { SelectorWorld } from '../selectors.ts';
import type { SyncedFile } from '../synced-hosts.ts';
import type { TrustRequest } from './trust-hosts.ts';

export interface HostChoice {
  /** Names, ids and tags of hosts. */
  hosts: readonly string[];
  /** All that were synced. */
  all: boolean;
  /** Of these only those that were synced with it; undefined: with any. */
  profile: string | undefined;
  region: string | undefined;
  /** Hosts, by name or id, whose changed keys the person accepts: chosen as well. */
  accepted: readonly string[];
}

/**
 * The entries of the SSH config that a person means.
 *
 * @throws DevaccessError DA_USAGE where nothing is meant, DA_HOST_UNKNOWN for what has no entry, and
 *   those of `selectHosts`
 */
export async function chooseTrusted(
  files: readonly SyncedFile[],
  choice: HostChoice,
  world: SelectorWorld,
): Promise<TrustRequest> {
  const { hosts, all, profile, region, accepted } = choice;
  if (!all && hosts.length + accepted.length === 0) {
    throw usage('No host was given', 'give names of hosts, or --all for every synced one');
  }
  const accepts = new Set(await idsOf(accepted, files, world));
  const chosen = new Set([...(await idsOf(hosts, files, world)), ...accepts]);
  const isMeant = (host: SyncedFile['hosts'][number]): boolean =>
    (all || chosen.has(host.instanceId)) &&
    (profile === undefined || host.profile === profile) &&
    (region === undefined || host.region === region);
  const meant = files
    .map(({ path, hosts: synced }) => ({ path, hosts: synced.filter(isMeant) }))
    .filter((file) => file.hosts.length > 0);
  if (meant.length === 0) throw unknown('No host in the SSH config is meant');
  return { files: meant, accepts: (id) => accepts.has(id) };
}

async function idsOf(
  selectors: readonly string[],
  files: readonly SyncedFile[],
  world: SelectorWorld,
): Promise<string[]> {
  const known = new Set(files.flatMap((file) => file.hosts.map(({ instanceId }) => instanceId)));
  const ids: string[] = [];
  for (const selector of selectors) {
    const found = (await selectHosts(selector, world)).hosts
      .map(({ instanceId }) => instanceId)
      .filter((id) => known.has(id));
    if (found.length === 0) throw unknown(`${selector} has no entry in the SSH config`);
    ids.push(...found);
  }
  return ids;
}

function unknown(message: string): DevaccessError {
  return new DevaccessError('DA_HOST_UNKNOWN', message, {
    next: "run 'devaccess hosts sync', which writes the entries",
    exitCode: EXIT.usage,
  });
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
