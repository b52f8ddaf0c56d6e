import { DevaccessCommand } from '../../cli/base-command.ts';
import type { TrustResult } from '../../hosts/host-keys/trust-hosts.ts';
import type { SyncResult } from '../../hosts/sync-result.ts';
import { printable } from '../../platform/errors.ts';
import { SYNC_FLAGS } from './sync-flags.ts';
import { syncWorld } from './sync-world.ts';
import { progressText, syncExitCode, syncLines, syncSummary } from './sync-text.ts';

export default class HostsSync extends DevaccessCommand {
  static override summary = 'Write the servers of an account, or of several, into the SSH config.';
  static override description =
    'Reads EC2 and Systems Manager and writes an entry for each server below ~/.ssh/config.d, ' +
    'included once at the top of ~/.ssh/config. With fleets in the config file it is about all of ' +
    'them, else about one account. What cannot be read keeps its entries (exit 4).';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --bastion tag:Name=bastion',
    '<%= config.bin %> <%= command.id %> --region eu-central-1 --region us-east-1 --tag Role=web',
    '<%= config.bin %> <%= command.id %> --fleet prod --dry-run',
  ];
  static override flags = SYNC_FLAGS;

  override async run(): Promise<SyncResult & { trust?: TrustResult }> {
    const { flags } = await this.parse(HostsSync);
    const { readConfig } = await import('../../config/config-file.ts');
    const { StatusLine } = await import('../../cli/status-line.ts');
    const { warmProxy } = await import('../../hosts/proxy-command.ts');
    const { syncHosts } = await import('../../hosts/sync.ts');
    const { syncRequest } = await import('./sync-request.ts');
    const { request, notices } = await syncRequest(flags, readConfig(process.env), process.env);
    const world = syncWorld(this.config.root, process.env);
    const status = this.jsonEnabled() ? undefined : new StatusLine(process.stderr);
    const onProgress = (progress: Parameters<typeof progressText>[0]): void =>
      status?.update(progressText(progress));
    const warmed = request.dryRun ? undefined : warmProxy(world.program);
    const synced = await syncHosts({ ...request, onProgress }, world).finally(() => {
      status?.end();
      return warmed;
    });
    const result = { ...synced, notices: [...notices(), ...synced.notices] };
    this.show(result);
    process.exitCode = syncExitCode(result, request);
    if (!flags.trust) return result;
    const { trustSynced } = await import('./run-trust.ts');
    const trust = await trustSynced(result, {
      talk: (text) => this.talk(text),
      isJson: this.jsonEnabled(),
    });
    return trust === undefined ? result : { ...result, trust };
  }

  private show(result: SyncResult): void {
    for (const line of syncLines(result)) this.talk(printable(line));
    if (result.diff !== undefined && !this.jsonEnabled()) process.stdout.write(result.diff);
    if (result.dryRun) this.talk(printable(syncSummary(result)));
    else this.log(printable(syncSummary(result)));
  }
}
