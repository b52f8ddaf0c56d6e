/** Host keys of servers over the trust path of Systems Manager: what its agents say, over TLS. */
import type { Script } from '../../aws/run-command/run-command-api.ts';
import { runOnNodes } from '../../aws/run-command/run-on-nodes.ts';
import { DevaccessError } from '../../platform/errors.ts';
import type { SyncedHost } from '../synced-hosts.ts';
import { BastionScan } from './bastion-scan.ts';
import { readOwnKeys } from './key-answers.ts';
import { hostLabel, isBehind, stdoutOf } from './key-reading.ts';
import type { BehindBastion, KeyReading, KeySource, NodeFacts } from './key-reading.ts';
import { readScript } from './key-scripts.ts';
import type { ToldKeys } from './merge-keys.ts';

/**
 * Asks each host's own agent for the host's keys; where it has none that is online, its bastion for
 * what the host's SSH server answers there. A host's failure is its reading; of those that were
 * stopped there is none.
 *
 * @param onReading called for each, for those who wait
 */
export async function readHostKeys(
  hosts: readonly SyncedHost[],
  source: KeySource,
  stop: AbortSignal,
  onReading: () => void = () => undefined,
): Promise<KeyReading[]> {
  const ids = hosts.flatMap(({ instanceId, behind }) => [
    instanceId,
    behind?.bastion ?? instanceId,
  ]);
  const nodes = await source.nodes([...new Set(ids)]);
  const readings: KeyReading[] = [];
  const keep = (reading: KeyReading): void => {
    readings.push(reading);
    onReading();
  };
  const scanned: BehindBastion[] = [];
  const asked: Record<'posix' | 'windows', SyncedHost[]> = { posix: [], windows: [] };
  for (const host of hosts) {
    const facts = nodes?.get(host.instanceId);
    const isManaged = nodes === undefined ? !isBehind(host) : facts?.pingStatus === 'Online';
    if (isManaged) asked[facts?.isWindows === true ? 'windows' : 'posix'].push(host);
    else if (isBehind(host)) scanned.push(host);
    else keep({ host, error: notConnected(host.instanceId, facts) });
  }
  const onOwn = (reading: KeyReading): void => {
    const { host } = reading;
    // The bastion's word is worth less, and marked; but worth more than nobody's.
    if ('error' in reading && UNASKED.has(reading.error.code) && isBehind(host)) scanned.push(host);
    else keep(reading);
  };
  await Promise.all([
    askNodes(asked.posix, readScript('posix'), source, stop, onOwn),
    askNodes(asked.windows, readScript('windows'), source, stop, onOwn),
  ]);
  const reachable = scanned.filter((host) => {
    const { bastion } = host.behind;
    const facts = nodes?.get(bastion);
    if (nodes === undefined || facts?.pingStatus === 'Online') return true;
    keep({ host, error: notConnected(bastion, facts) });
    return false;
  });
  await new BastionScan(source, stop, keep).run(reachable);
  return readings;
}

/** Errors of an agent that could not be asked, or not to its end. */
const UNASKED = new Set(['DA_ACCESS_DENIED', 'DA_TARGET_NOT_CONNECTED', 'DA_COMMAND_UNFINISHED']);

async function askNodes(
  hosts: readonly SyncedHost[],
  script: Script,
  { runCommand }: KeySource,
  stop: AbortSignal,
  onReading: (reading: KeyReading) => void,
): Promise<void> {
  await runOnNodes({
    api: runCommand,
    targets: hosts.map(({ instanceId }) => instanceId),
    script,
    stop,
    onOutcome: (target, outcome) => {
      for (const host of hosts.filter(({ instanceId }) => instanceId === target)) {
        onReading(
          attempt(host, () => ({
            instanceId: target,
            keys: readOwnKeys(stdoutOf(outcome, host), hostLabel(host)),
            toldBy: { kind: 'node' },
          })),
        );
      }
    },
  });
}

function attempt(host: SyncedHost, read: () => ToldKeys): KeyReading {
  try {
    return { host, told: read() };
  } catch (error) {
    if (error instanceof DevaccessError) return { host, error };
    throw error;
  }
}

function notConnected(nodeId: string, facts: NodeFacts | undefined): DevaccessError {
  const why = facts === undefined ? 'it is not registered' : facts.pingStatus;
  return new DevaccessError(
    'DA_TARGET_NOT_CONNECTED',
    `${nodeId} is not connected to Systems Manager: ${why}`,
    { next: 'check that it runs and that its SSM agent is online, then devaccess hosts sync' },
  );
}
