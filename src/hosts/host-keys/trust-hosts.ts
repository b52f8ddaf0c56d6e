import { join } from 'node:path';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import type { ErrorCode } from '../../platform/errors.ts';
import { editFile, readTextFile } from '../../platform/safe-file.ts';
import type { EditResult } from '../../platform/safe-file.ts';
import { keysInKnownHosts } from '../known-hosts.ts';
import { editText } from '../edit-text.ts';
import type { SyncedHost, SyncedText } from '../synced-hosts.ts';
import { fingerprint } from './host-key.ts';
import type { HostKey } from './host-key.ts';
import { hostLabel } from './key-reading.ts';
import type { KeyReading, KeySource } from './key-reading.ts';
import { parseKnownHosts, renderKnownHosts } from './known-hosts-file.ts';
import type { KnownHosts } from './known-hosts-file.ts';
import { mergeKeys } from './merge-keys.ts';
import type { KeyChange, MergedHost } from './merge-keys.ts';
import { readHostKeys } from './read-keys.ts';
import { knownHostsPath, withTrustedKeys } from './trusted-entries.ts';
import type { SshPlace } from './trusted-entries.ts';

export interface TrustRequest {
  /** The texts of `hosts sync` with those of their hosts whose keys are wanted. */
  texts: readonly SyncedText[];
  /** Tells the hosts whose changed keys the person accepts. */
  accepts: (instanceId: string) => boolean;
}

export interface TrustWorld extends SshPlace {
  /** Systems Manager of the account and region that a host was synced with. */
  sourceOf: (host: SyncedHost) => Promise<KeySource>;
  stop: AbortSignal;
  /** Called when another host has been asked. */
  onProgress?: (done: number, total: number) => void;
}

interface ShownKey {
  type: string;
  fingerprint: string;
}

/** One host of `devaccess hosts trust --json`. */
export interface TrustedHost {
  host: string;
  instanceId: string;
  /** What became of its known keys; `failed` where they could not be read. */
  status: KeyChange | 'failed';
  /** Who told of the keys: the node itself, or the bastion in front of it. */
  toldBy: 'node' | 'bastion' | null;
  bastion: string | null;
  /** That it has now. */
  keys: ShownKey[];
  /** That were known before, where these are others. */
  formerKeys: ShownKey[];
  error: { code: ErrorCode; message: string; next: string | null } | null;
}

/** What `devaccess hosts trust --json` prints. */
export interface TrustResult {
  files: { path: string; outcome: EditResult['outcome'] }[];
  hosts: TrustedHost[];
  notices: string[];
  /** 4 where some hosts failed or have changed. */
  exitCode: number;
}

/** Accounts and regions that are asked at the same time. */
const ACCOUNTS_AT_ONCE = 4;

/**
 * Reads the keys of hosts and makes the hosts known to ssh by them, so that already the first
 * connection is checked. Keys that changed are told of and not taken.
 *
 * @returns undefined when it was stopped: nothing was written
 * @throws DevaccessError DA_FOREIGN_FILE, DA_KNOWN_HOSTS, DA_UNQUOTABLE_PATH and those of `editFile`
 */
export async function trustHosts(
  request: TrustRequest,
  world: TrustWorld,
): Promise<TrustResult | undefined> {
  // Everything that can be refused is, before AWS is asked.
  for (const { name } of request.texts) {
    const path = knownHostsPath(name, world);
    parseKnownHosts(readTextFile(path) ?? '', path);
    withTrustedKeys('Host x\n', () => true, name, world);
  }
  const readings = await readAll(request, world);
  if (world.stop.aborted) return undefined;
  const result: Omit<TrustResult, 'exitCode'> = { files: [], hosts: [], notices: [] };
  for (const text of request.texts) {
    const own = text.hosts.flatMap((host) => readings.get(host) ?? []);
    const { written, merged } = await keepKeys(text.name, own, request, world);
    result.files.push(...written);
    result.notices.push(...foreignKeyNotices(merged, world));
    result.hosts.push(...own.map((reading) => told(reading, merged)));
  }
  return { ...result, exitCode: exitCodeOf(result.hosts, readings) };
}

/** Each account and region is asked once for all of its hosts. */
async function readAll(
  { texts }: TrustRequest,
  { sourceOf, stop, onProgress }: TrustWorld,
): Promise<Map<SyncedHost, KeyReading>> {
  const accounts = new Map<string, SyncedHost[]>();
  const all = texts.flatMap(({ hosts }) => hosts);
  let done = 0;
  const onReading = (): void => onProgress?.((done += 1), all.length);
  for (const host of all) {
    const key = JSON.stringify([host.profile, host.region]);
    accounts.set(key, [...(accounts.get(key) ?? []), host]);
  }
  const readings = new Map<SyncedHost, KeyReading>();
  const rest = [...accounts.values()];
  const work = async (): Promise<void> => {
    for (let hosts = rest.shift(); hosts !== undefined; hosts = rest.shift()) {
      const [first] = hosts;
      if (first === undefined || stop.aborted) return;
      try {
        const found = await readHostKeys(hosts, await sourceOf(first), stop, onReading);
        for (const reading of found) readings.set(reading.host, reading);
      } catch (error) {
        if (!(error instanceof DevaccessError)) throw error;
        for (const host of hosts) readings.set(host, { host, error });
      }
    }
  };
  await Promise.all(Array.from({ length: ACCOUNTS_AT_ONCE }, work));
  return readings;
}

/** First the keys, then the entries that make ssh insist on them. */
async function keepKeys(
  name: string,
  readings: readonly KeyReading[],
  { accepts }: TrustRequest,
  world: TrustWorld,
): Promise<{ written: TrustResult['files']; merged: MergedHost[] }> {
  const keys = readings.flatMap((reading) => ('told' in reading ? [reading.told] : []));
  if (keys.length === 0) return { written: [], merged: [] };
  const path = knownHostsPath(name, world);
  let hosts: KnownHosts = new Map();
  let merged: MergedHost[] = [];
  const known = await editFile(path, (text) => {
    // Called anew for each text that is to be replaced; the last one counts.
    ({ hosts, merged } = mergeKeys(parseKnownHosts(text, path), keys, accepts));
    return renderKnownHosts(hosts);
  });
  const insist = (text: string): string =>
    withTrustedKeys(text, (id) => hosts.has(id), name, world);
  const entries = await editText(name, insist, world.sshDirectory);
  return { written: [known, entries].map(({ path, outcome }) => ({ path, outcome })), merged };
}

function told(reading: KeyReading, merged: readonly MergedHost[]): TrustedHost {
  const { alias: host, instanceId } = reading.host;
  const now = merged.find((each) => each.instanceId === instanceId);
  if ('error' in reading || now === undefined) {
    const error = 'error' in reading ? shownError(reading.error) : null;
    const nothing = { toldBy: null, bastion: null, keys: [], formerKeys: [] };
    return { host, instanceId, status: 'failed', ...nothing, error };
  }
  const { change, keys, former, toldBy } = now;
  const isOther = change === 'changed' || change === 'accepted' || change === 'updated';
  return {
    host,
    instanceId,
    status: change,
    toldBy: toldBy.kind,
    bastion: toldBy.kind === 'bastion' ? toldBy.bastion : null,
    keys: keys.map(shownKey),
    formerKeys: isOther ? former.map(shownKey) : [],
    error: change === 'changed' ? shownError(changedKey(reading.host)) : null,
  };
}

function shownKey(key: HostKey): ShownKey {
  return { type: key.type, fingerprint: fingerprint(key) };
}

function shownError({ code, message, next }: DevaccessError): NonNullable<TrustedHost['error']> {
  return { code, message, next: next ?? null };
}

function changedKey(host: SyncedHost): DevaccessError {
  return new DevaccessError(
    'DA_HOST_KEY_CHANGED',
    `${hostLabel(host)} has another host key than the known one, which was kept`,
    {
      next:
        'find out why, as from who installed its system anew; if that is so: ' +
        `devaccess hosts trust --accept-changed ${host.instanceId}`,
    },
  );
}

/**
 * Another key that ssh once learnt at a first connection counts as much for ssh as ours. Nobody but
 * the person knows whether that was the right one.
 */
function foreignKeyNotices(merged: readonly MergedHost[], { sshDirectory }: SshPlace): string[] {
  const path = join(sshDirectory, 'known_hosts');
  const keysOf = keysInKnownHosts(readTextFile(path, { encoding: 'binary' }) ?? '');
  return merged.flatMap(({ instanceId, keys }) => {
    const foreign = keysOf(instanceId).filter(
      ({ type, base64 }) => !keys.some((key) => key.type === type && key.base64 === base64),
    );
    return foreign.map(
      (key) =>
        `${path} has another key for ${instanceId}, ${key.type} ${fingerprint(key)}; ` +
        `unless you know why: ssh-keygen -R ${instanceId}`,
    );
  });
}

function exitCodeOf(
  hosts: readonly TrustedHost[],
  readings: ReadonlyMap<SyncedHost, KeyReading>,
): number {
  const failed = hosts.filter(({ error, status }) => error !== null || status === 'failed');
  if (failed.length === 0) return EXIT.done;
  if (failed.length < hosts.length) return EXIT.partial;
  // Such as expired credentials, which concern all alike.
  const codes = new Set(
    [...readings.values()].map((each) => ('error' in each ? each.error.exitCode : EXIT.failed)),
  );
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : EXIT.failed;
}
