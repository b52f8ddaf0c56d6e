import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { selectHosts } from '../selectors.ts';
import type { SelectorWorld } from '../selectors.ts';
import { isInstanceId } from '../host.ts';
import type { SyncedHost, SyncedText } from '../synced-hosts.ts';
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
  texts: readonly SyncedText[],
  choice: HostChoice,
  world: SelectorWorld,
): Promise<TrustRequest> {
  const { hosts, all, profile, region, accepted } = choice;
  if (!all && hosts.length + accepted.length === 0) {
    throw usage('No host was given', 'give names of hosts, or --all for every synced one');
  }
  const accepts = new Set(await idsOf(accepted, texts, world));
  const chosen = new Set([...(await idsOf(hosts, texts, world)), ...accepts]);
  const isMeant = (host: SyncedHost): boolean =>
    isInstanceId(host.instanceId) &&
    (all || chosen.has(host.instanceId)) &&
    (profile === undefined || host.profile === profile) &&
    (region === undefined || host.region === region);
  const meant = texts
    .map((text) => ({ ...text, hosts: text.hosts.filter(isMeant) }))
    .filter((text) => text.hosts.length > 0);
  if (meant.length === 0) throw unknown('No host in the SSH config is meant');
  return { texts: meant, accepts: (id) => accepts.has(id) };
}

async function idsOf(
  selectors: readonly string[],
  texts: readonly SyncedText[],
  world: SelectorWorld,
): Promise<string[]> {
  const known = new Set(texts.flatMap((text) => text.hosts.map(({ instanceId }) => instanceId)));
  const ids: string[] = [];
  for (const selector of selectors) {
    const found = (await selectHosts(selector, world)).hosts
      .map(({ instanceId }) => instanceId)
      .filter((id) => known.has(id));
    if (found.length === 0) throw unknown(`${selector} has no entry in the SSH config`);
    const fixed = found.find((id) => !isInstanceId(id));
    if (fixed !== undefined) throw withoutId(fixed);
    ids.push(...found);
  }
  return ids;
}

/** A fixed host of the config file. */
function withoutId(name: string): DevaccessError {
  return new DevaccessError(
    'DA_HOST_UNKNOWN',
    `${name} has no instance id, by which keys are kept`,
    { next: `check its key at the first connection: ssh ${name}`, exitCode: EXIT.usage },
  );
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
