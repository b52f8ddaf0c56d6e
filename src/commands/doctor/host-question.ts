import { sshName } from '../../hosts/host-search.ts';
import type { SelectedHost } from '../../hosts/selectors.ts';
import type { SyncedHost } from '../../hosts/synced-hosts.ts';
import type { HostQuestion } from './host-report.ts';

/** What there is to know of a server before anything is asked. */
export function hostQuestion(
  host: SelectedHost,
  syncedHosts: readonly SyncedHost[],
  asked: { profile: string | undefined; region: string | undefined },
): HostQuestion {
  const entry = syncedHosts.find(({ instanceId }) => instanceId === host.instanceId);
  const bastion = syncedHosts.find(({ instanceId }) => instanceId === host.reach.target);
  const isBehind = host.reach.target !== host.instanceId;
  return {
    ...asked,
    host,
    bastion:
      isBehind && bastion !== undefined ? { name: bastion.alias, port: bastion.port } : undefined,
    sshName: entry === undefined ? undefined : sshName(entry, syncedHosts),
  };
}
