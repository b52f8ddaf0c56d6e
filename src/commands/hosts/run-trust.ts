import { userInfo } from 'node:os';
import { LiveRegion } from '../../cli/live-region.ts';
import { trustHosts } from '../../hosts/host-keys/trust-hosts.ts';
import type { SyncResult } from '../../hosts/sync-result.ts';
import { readSyncedTexts } from '../../hosts/synced-hosts.ts';
import type { TrustRequest, TrustResult } from '../../hosts/host-keys/trust-hosts.ts';
import { sshDirectory } from '../../platform/paths.ts';
import { takeStopSignals } from '../../platform/stop-request.ts';
import { trustSources } from './trust-sources.ts';
import { trustRemarks, trustSummary, trustTable } from './trust-text.ts';

interface Audience {
  talk: (text: string) => void;
  isJson: boolean;
}

/** Trusts the servers of a sync, wherever their entries are; what failed in the sync still counts. */
export async function trustSynced(
  { hosts }: SyncResult,
  audience: Audience,
): Promise<TrustResult | undefined> {
  const ids = new Set(hosts.map(({ instanceId }) => instanceId));
  const texts = readSyncedTexts(sshDirectory(process.env))
    .map((text) => ({ ...text, hosts: text.hosts.filter((host) => ids.has(host.instanceId)) }))
    .filter((text) => text.hosts.length > 0);
  if (texts.length === 0) return undefined;
  const { exitCode } = process;
  const result = await runTrust({ texts, accepts: () => false }, audience);
  // A signal tells more.
  if (exitCode !== undefined && Number(process.exitCode ?? 0) < 128) process.exitCode = exitCode;
  return result;
}

/** Trusts hosts and shows it; the exit code is that of the result, or of the signal. */
export async function runTrust(
  request: TrustRequest,
  { talk, isJson }: Audience,
): Promise<TrustResult | undefined> {
  const stop = takeStopSignals();
  const canDraw = process.stderr.isTTY && process.env['TERM'] !== 'dumb' && !isJson;
  const region = canDraw ? new LiveRegion(process.stderr, () => undefined) : undefined;
  region?.draw(['reading host keys…']);
  const result = await trustHosts(request, {
    sshDirectory: sshDirectory(process.env),
    loginHome: userInfo().homedir,
    sourceOf: trustSources(process.env),
    stop: stop.signal,
    onProgress: (done, total) => region?.draw([`reading host keys: ${done} of ${total} hosts`]),
  }).finally(() => {
    region?.draw([]);
    region?.end();
    stop.release();
  });
  process.exitCode = stop.exitCode ?? result?.exitCode;
  if (result === undefined) {
    talk('stopped; nothing was written');
    return undefined;
  }
  if (!isJson) {
    // Undefined without a terminal, 0 where it does not say: then all of it is shown.
    const width = process.stdout.columns > 0 ? process.stdout.columns : Infinity;
    for (const line of trustTable(result, width)) process.stdout.write(`${line}\n`);
  }
  for (const remark of trustRemarks(result)) talk(`devaccess: ${remark}`);
  talk(trustSummary(result));
  return result;
}
