import type { EditOptions } from '../../platform/safe-file.ts';
import { readTextFile } from '../../platform/safe-file.ts';
import { parseKnownHosts, renderKnownHosts } from './known-hosts-file.ts';
import type { KnownHosts } from './known-hosts-file.ts';
import { withoutHosts } from './merge-keys.ts';
import { knownHostsPath, withTrustedKeys } from './trusted-entries.ts';
import type { SshPlace } from './trusted-entries.ts';

/** What `hosts sync` has to do with trusted keys. */
export interface SyncTrust {
  /** Makes the entries of hosts strict whose keys are trusted. */
  withTrustedKeys: (text: string) => string;
  /** Takes keys of hosts away that are no more; nothing to do where no keys are kept. */
  edits: { path: string; edit: (text: string) => string; options: EditOptions }[];
}

/**
 * @param hostsFile the file that the sync writes
 * @param isGone tells the hosts that are known to be no more
 * @throws DevaccessError DA_FOREIGN_FILE, DA_KNOWN_HOSTS, those of `readTextFile`
 */
export function trustInSync(
  hostsFile: string,
  place: SshPlace,
  isGone: (instanceId: string) => boolean,
): SyncTrust {
  const path = knownHostsPath(hostsFile, place);
  const present = readTextFile(path);
  const without = (text: string): KnownHosts => withoutHosts(parseKnownHosts(text, path), isGone);
  const known = without(present ?? '');
  return {
    withTrustedKeys: (text) => withTrustedKeys(text, (id) => known.has(id), hostsFile, place),
    edits:
      present === undefined
        ? []
        : [{ path, edit: (text) => renderKnownHosts(without(text)), options: {} }],
  };
}
