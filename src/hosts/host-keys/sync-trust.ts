/** What becomes of trusted keys when `hosts sync` writes entries anew: they follow their hosts. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DevaccessError } from '../../platform/errors.ts';
import { readTextFile } from '../../platform/safe-file.ts';
import { parseKnownHosts, renderKnownHosts } from './known-hosts-file.ts';
import type { KnownHost, KnownHosts } from './known-hosts-file.ts';
import { knownHostsPath, withTrustedKeys } from './trusted-entries.ts';
import type { SshPlace } from './trusted-entries.ts';

/** A text that the sync writes. */
export interface TrustedText {
  name: string;
  /** Tells the hosts that have an entry in it. */
  hasEntry: (instanceId: string) => boolean;
  /** Tells the hosts that are there, with an entry or, as when they are stopped, without. */
  isListed: (instanceId: string) => boolean;
  /** Tells the hosts that are known to be no more. */
  isGone: (instanceId: string) => boolean;
}

export interface SyncTrust {
  /** Makes the entries of hosts strict whose keys are trusted. */
  withTrustedKeys: (name: string, text: string) => string;
  /** To be done before the texts are written. */
  edits: { path: string; edit: (text: string) => string }[];
  /** Files whose keys are all elsewhere by now; to be done after all else. */
  removals: { path: string; text: string }[];
}

/**
 * Makes sure that the keys of a text can be read.
 *
 * @throws DevaccessError DA_FOREIGN_FILE, DA_KNOWN_HOSTS, those of `readTextFile`
 */
export function checkTrust(name: string, place: SshPlace): void {
  readKeys(knownHostsPath(name, place));
}

/**
 * Keys stay with their text; those of a host whose entry has moved, as when a fleet got another name,
 * move with it. Keys of hosts that are no more are dropped.
 *
 * @param isKept tells the texts that are there and not written
 * @throws DevaccessError as `checkTrust`
 */
export function trustInSync(
  texts: readonly TrustedText[],
  isKept: (name: string) => boolean,
  place: SshPlace,
): SyncTrust {
  const own = texts.map((text) => {
    const path = knownHostsPath(text.name, place);
    return { text, path, present: readKeys(path) };
  });
  const names = new Set(texts.map(({ name }) => name));
  const orphans = orphanedKeys(place, (name) => names.has(name) || isKept(name));
  const hasEntry = (id: string): boolean => texts.some((text) => text.hasEntry(id));
  const known = new Map<string, KnownHosts>();
  const edits: SyncTrust['edits'] = [];
  for (const { text, path, present } of own) {
    const isDropped = (id: string): boolean =>
      text.isGone(id) || (!text.hasEntry(id) && hasEntry(id));
    const moved = new Map([
      ...pick(orphans, (id) => text.hasEntry(id) || (text.isListed(id) && !hasEntry(id))),
      ...pick(own, (id) => text.hasEntry(id)),
    ]);
    const updated = (hosts: KnownHosts): KnownHosts =>
      new Map([...moved, ...[...hosts].filter(([id]) => !isDropped(id))]);
    known.set(text.name, updated(present));
    if (present.size === 0 && moved.size === 0) continue;
    const edit = (now: string): string => renderKnownHosts(updated(parseKnownHosts(now, path)));
    edits.push({ path, edit });
  }
  const isAtHome = (id: string): boolean => [...known.values()].some((hosts) => hosts.has(id));
  return {
    withTrustedKeys: (name, text) =>
      withTrustedKeys(text, (id) => known.get(name)?.has(id) === true, name, place),
    edits,
    removals: orphans.filter(({ present }) => [...present.keys()].every(isAtHome)),
  };
}

interface KeysFile {
  path: string;
  present: KnownHosts;
}

function pick(
  files: readonly KeysFile[],
  isWanted: (id: string) => boolean,
): [string, KnownHost][] {
  return files.flatMap(({ present }) => [...present].filter(([id]) => isWanted(id)));
}

/** Files of keys whose text is no more; what cannot be read as one is left alone. */
function orphanedKeys(
  place: SshPlace,
  isText: (name: string) => boolean,
): (KeysFile & { text: string })[] {
  return listFolder(join(place.sshDirectory, 'known_hosts.d')).flatMap((name) => {
    if (!name.startsWith('devaccess-') || isText(`${name}.conf`)) return [];
    const path = knownHostsPath(name, place);
    try {
      const text = readTextFile(path) ?? '';
      const present = parseKnownHosts(text, path);
      return present.size === 0 ? [] : [{ path, text, present }];
    } catch (error) {
      if (error instanceof DevaccessError) return [];
      throw error;
    }
  });
}

function readKeys(path: string): KnownHosts {
  return parseKnownHosts(readTextFile(path) ?? '', path);
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
