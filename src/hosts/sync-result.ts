/** What a sync tells: the object that `devaccess hosts sync --json` prints. */
import type { PlannedFixed } from './fixed-hosts.ts';
import type { HostEntry, Route } from './host.ts';
import type { NamedAccount } from './name-hosts.ts';
import type { AccountFailure, SyncAccount } from './read-accounts.ts';
import type { HostChanges } from './sync-changes.ts';
import type { WrittenFile } from './write-texts.ts';

export interface SyncedEntry {
  alias: string;
  /** Null for a fixed host that has none. */
  instanceId: string | null;
  route: Route;
  hostName: string;
  user: string | null;
  port: number;
  fleet: string | null;
  profile: string | null;
  region: string | null;
}

export interface SkippedHost {
  /** Null for a fixed host. */
  instanceId: string | null;
  name: string | null;
  reason: string;
  fleet: string | null;
  region: string | null;
}

export interface SyncFailure {
  fleet: string | null;
  profile: string | null;
  region: string | null;
  code: string;
  message: string;
  next: string | null;
  /** Of a command that had failed for this alone. */
  exitCode: number;
}

/** Servers are named by their aliases. */
export interface SyncResult extends HostChanges {
  files: WrittenFile[];
  hosts: SyncedEntry[];
  skipped: SkippedHost[];
  /** Servers that the tags of their fleet leave out. */
  filtered: number;
  /** What could not be read; the entries of these are as they were. */
  failed: SyncFailure[];
  notices: string[];
  dryRun: boolean;
  /** Unified diff of the files; only with dryRun. */
  diff?: string;
}

export function entriesOf({ account, entries }: NamedAccount): SyncedEntry[] {
  const { fleet = null, proxyProfile: profile = null, region } = account;
  return entries.map((entry) => ({
    ...plainEntry(entry),
    instanceId: entry.instanceId,
    fleet,
    profile,
    region,
  }));
}

export function fixedEntry({ host, entry, profile, region }: PlannedFixed): SyncedEntry {
  return {
    ...plainEntry(entry),
    instanceId: host.instance ?? null,
    fleet: null,
    profile: profile ?? null,
    region: region ?? null,
  };
}

export function skippedOf({ account, skipped }: NamedAccount): SkippedHost[] {
  const { fleet = null, region } = account;
  return skipped.map((node) => ({ ...node, fleet, region }));
}

export function failureOf({ fleet, profile, region, error }: AccountFailure): SyncFailure {
  const { code, message, next = null, exitCode } = error;
  return {
    fleet: fleet ?? null,
    profile: profile ?? null,
    region: region ?? null,
    code,
    message,
    next,
    exitCode,
  };
}

/** A notice that says which account it is about, where there are several. */
export function titled({ fleet, region }: SyncAccount, notice: string): string {
  return fleet === undefined ? notice : `${fleet} in ${region}: ${notice}`;
}

function plainEntry({ alias, route, hostName, user, port }: HostEntry) {
  return { alias, route, hostName, user: user ?? null, port };
}
