import { randomBytes } from 'node:crypto';
import { basename, dirname, isAbsolute } from 'node:path';
import type { ProcessIdentity } from '../../platform/process-identity.ts';

/** What a process that carries tunnels leaves on disk for others to find it, alive or dead. */
export interface RunRecord {
  format: 1;
  /** Names its files. */
  id: string;
  process: ProcessIdentity;
  /** ISO 8601. */
  startedAt: string;
  isDetached: boolean;
  /** Where it answers. */
  socketPath: string;
  tunnels: RecordedTunnel[];
}

export interface RecordedTunnel {
  name: string;
  /** Of its plan. */
  digest: string;
  profile: string | null;
  region: string | null;
  /** Open now: to be ended by whoever finds the process gone. */
  sessionIds: string[];
}

export function newRunId(): string {
  return randomBytes(4).toString('hex');
}

/** Whether a socket has a folder to itself, where the state folder was too deep for one. */
export function hasOwnFolder(socketPath: string): boolean {
  return /[/\\]devaccess-[A-Za-z0-9]{6}$/.test(dirname(socketPath));
}

/** Ids as `newRunId` makes them, and a socket of that name: both are removed with the record. */
function namesOwnFiles({ id, socketPath }: Partial<RunRecord>): boolean {
  return (
    typeof id === 'string' &&
    /^[0-9a-f]{8}$/.test(id) &&
    typeof socketPath === 'string' &&
    isAbsolute(socketPath) &&
    basename(socketPath) === `${id}.sock`
  );
}

/** A record as this version writes it; undefined for anything else. */
export function parseRunRecord(text: string): RunRecord | undefined {
  try {
    const record = JSON.parse(text) as Partial<RunRecord> | null;
    const isOurs =
      record?.format === 1 &&
      namesOwnFiles(record) &&
      typeof record.process?.pid === 'number' &&
      Array.isArray(record.tunnels);
    return isOurs ? (record as RunRecord) : undefined;
  } catch {
    return undefined;
  }
}
