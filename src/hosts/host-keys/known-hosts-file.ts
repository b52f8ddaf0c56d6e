/**
 * Our own known_hosts (sshd(8), "SSH KNOWN_HOSTS FILE FORMAT"): the keys of hosts by their instance
 * id, which entries have as HostKeyAlias, with comments that tell where the keys are from.
 */
import { DevaccessError } from '../../platform/errors.ts';
import { isInstanceId, isPlainAddress } from '../host.ts';
import { parseHostKey, sortedKeys } from './host-key.ts';
import type { HostKey } from './host-key.ts';

/** Who told of a host's keys: its own agent, or a bastion that asked the host's SSH server for them. */
export type ToldBy =
  { kind: 'node' } | { kind: 'bastion'; bastion: string; address: string; port: number };

export interface KnownHost {
  keys: readonly HostKey[];
  toldBy: ToldBy;
  /** Fingerprints of keys that the host had instead, which were shown and not accepted. */
  refused: readonly string[];
}

/** By instance id. */
export type KnownHosts = ReadonlyMap<string, KnownHost>;

const MARKER = '# devaccess-known-hosts 1';
const HEADER = [
  '# Host keys that devaccess read through Systems Manager; changes made here are lost.',
  '# Written by `devaccess hosts trust`.',
  MARKER,
];
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;

/**
 * Reads a file that {@link renderKnownHosts} wrote; an empty text holds nothing. What else is in it
 * is not skipped: a key that got lost would let another take its place.
 *
 * @param path for the error
 * @throws DevaccessError DA_FOREIGN_FILE, DA_KNOWN_HOSTS
 */
export function parseKnownHosts(text: string, path: string): KnownHosts {
  const hosts = new Map<string, { keys: HostKey[]; toldBy: ToldBy; refused: string[] }>();
  const hostOf = (id: string) => {
    const host = hosts.get(id) ?? { keys: [], toldBy: { kind: 'node' as const }, refused: [] };
    hosts.set(id, host);
    return host;
  };
  const lines = text.split(/\r?\n/);
  if (text.trim() !== '' && !lines.includes(MARKER)) throw foreign(path);
  lines.forEach((line, index) => {
    const [first = '', ...words] = line.split(' ');
    if (line === '') return;
    if (first === '#') {
      const [id = '', what, ...rest] = words;
      if (!isInstanceId(id)) return;
      if (what === 'told-by') hostOf(id).toldBy = readToldBy(rest) ?? fail(path, index);
      else if (what === 'refused' && rest.every((word) => FINGERPRINT.test(word))) {
        hostOf(id).refused.push(...rest);
      } else fail(path, index);
      return;
    }
    const [type = '', base64 = '', ...more] = words;
    const key = more.length === 0 ? parseHostKey(type, base64) : undefined;
    if (!isInstanceId(first) || key === undefined) fail(path, index);
    else hostOf(first).keys.push(key);
  });
  // One whose keys `ssh-keygen -R` took away is not known any more.
  return new Map([...hosts].filter(([, { keys }]) => keys.length > 0));
}

/** The whole text, sorted: the same hosts give the same bytes. Of no hosts it is empty. */
export function renderKnownHosts(hosts: KnownHosts): string {
  if (hosts.size === 0) return '';
  const blocks = [...hosts]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([id, { keys, toldBy, refused }]) => [
      `# ${id} told-by ${renderToldBy(toldBy)}`,
      ...(refused.length === 0 ? [] : [`# ${id} refused ${refused.join(' ')}`]),
      ...sortedKeys(keys).map(({ type, base64 }) => `${id} ${type} ${base64}`),
    ]);
  return `${[...HEADER, ...blocks].join('\n')}\n`;
}

function renderToldBy(toldBy: ToldBy): string {
  if (toldBy.kind === 'node') return 'node';
  const { bastion, address, port } = toldBy;
  return `bastion ${bastion} address ${address} port ${port}`;
}

function readToldBy(words: readonly string[]): ToldBy | undefined {
  if (words.join(' ') === 'node') return { kind: 'node' };
  const [kind, bastion = '', addressWord, address = '', portWord, portText = ''] = words;
  const port = Number(portText);
  const toldBy: ToldBy = { kind: 'bastion', bastion, address, port };
  const isSound =
    words.length === 6 &&
    [kind, addressWord, portWord].join(' ') === 'bastion address port' &&
    isInstanceId(bastion) &&
    isPlainAddress(address) &&
    /^\d{1,5}$/.test(portText) &&
    port >= 1 &&
    port <= 65_535;
  return isSound ? toldBy : undefined;
}

function foreign(path: string): DevaccessError {
  return new DevaccessError('DA_FOREIGN_FILE', `${path} was not written by devaccess`, {
    next: 'move it away, then run devaccess hosts trust again',
  });
}

function fail(path: string, index: number): never {
  throw new DevaccessError(
    'DA_KNOWN_HOSTS',
    `${path}:${index + 1} is not as devaccess wrote it: no host key of an instance`,
    { next: 'remove the line, or the whole file and run devaccess hosts trust --all' },
  );
}
