import type { RunOnNodesOptions } from '../../aws/run-command/run-on-nodes.ts';
import type { ScriptOutcome } from '../../aws/run-command/script-outcome.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { isInstanceId, isPlainAddress } from '../host.ts';
import type { SyncedHost } from '../synced-hosts.ts';
import type { ToldKeys } from './merge-keys.ts';

/** What Systems Manager knows of a node. */
export interface NodeFacts {
  pingStatus: string;
  isWindows: boolean;
}

/** Systems Manager of one account and region. */
export interface KeySource {
  /** Those it knows of these ids; undefined where it may not be asked. */
  nodes: (ids: readonly string[]) => Promise<ReadonlyMap<string, NodeFacts> | undefined>;
  runCommand: RunOnNodesOptions['api'];
}

export type KeyReading = { host: SyncedHost } & ({ told: ToldKeys } | { error: DevaccessError });

/** A host that is reached through a bastion. */
export type BehindBastion = SyncedHost & { behind: NonNullable<SyncedHost['behind']> };

/** Entries are files of the person's; what is run on a bastion holds nothing but an address. */
export function isBehind(host: SyncedHost): host is BehindBastion {
  const { behind, port } = host;
  const isPort = Number.isInteger(port) && port >= 1 && port <= 65_535;
  if (behind === undefined || !isPort) return false;
  return isInstanceId(behind.bastion) && isPlainAddress(behind.hostName);
}

/** @throws DevaccessError of the outcome */
export function stdoutOf({ failure, exitCode, stdout }: ScriptOutcome, host: SyncedHost): string {
  if (failure !== undefined) throw failure;
  if (exitCode === 0) return stdout;
  throw new DevaccessError(
    'DA_HOST_KEYS_INVALID',
    `Reading the host keys of ${hostLabel(host)} failed with exit code ${exitCode ?? -1}`,
    { next: 'look at the command in the Run Command history of the account' },
  );
}

/** For messages. */
export function hostLabel({ alias, instanceId }: SyncedHost): string {
  return alias === instanceId ? instanceId : `${alias} (${instanceId})`;
}
