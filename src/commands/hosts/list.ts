import { Args, Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { StatusLine } from '../../cli/status-line.ts';
import { tableLines } from '../../cli/table.ts';
import type { HostListResult, ListedHost } from '../../hosts/host-list.ts';
import { failureOf } from '../../hosts/sync-result.ts';
import type { SyncedText } from '../../hosts/synced-hosts.ts';
import { EXIT } from '../../platform/errors.ts';
import { sshDirectory } from '../../platform/paths.ts';
import { hostColumns, listRemarks } from './list-text.ts';
import { progressText } from './sync-text.ts';

export default class HostsList extends DevaccessCommand {
  static override summary = 'List the servers in the SSH config, and how each is reached.';
  static override description =
    'Reads what hosts sync wrote, and asks nobody. With --live it asks AWS which of them can be ' +
    'reached and why others cannot, and tells of servers that have no entry.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    "<%= config.bin %> <%= command.id %> 'web-*' --live",
    '<%= config.bin %> <%= command.id %> --live --unreachable --json',
  ];
  static override usage = '<%= command.id %> [PATTERN...] [flags]';
  static override completes = 'hosts' as const;
  static override strict = false;
  static override args = {
    pattern: Args.string({ description: 'name, id or address; * and ? may be in it' }),
  };
  static override flags = {
    live: Flags.boolean({ summary: 'ask AWS which can be reached, and why not' }),
    unreachable: Flags.boolean({
      dependsOn: ['live'],
      summary: 'only those that cannot be reached, or have no entry',
    }),
    fleet: Flags.string({ helpValue: 'NAME', summary: 'only servers of this fleet' }),
    profile: Flags.string({ helpValue: 'P', summary: 'only servers synced with this profile' }),
    region: Flags.string({ helpValue: 'R', summary: 'only servers of this region' }),
  };

  async run(): Promise<HostListResult> {
    const { argv, flags } = await this.parse(HostsList);
    const { readSyncedTexts } = await import('../../hosts/synced-hosts.ts');
    const { filterHosts, listHosts } = await import('../../hosts/host-list.ts');
    const texts = readSyncedTexts(sshDirectory(process.env));
    const live = flags.live ? await this.ask(texts) : undefined;
    const { fleet, profile, region } = flags;
    const filter = { patterns: argv as string[], fleet, profile, region };
    const found = filterHosts(listHosts(texts, live), filter);
    const isMeant = ({ status }: ListedHost): boolean => status !== 'online' && status !== 'behind';
    const result = {
      hosts: flags.unreachable ? found.filter(isMeant) : found,
      failed: (live?.failures ?? []).map(failureOf),
      notices: live?.notices ?? [],
    };
    if (!this.jsonEnabled()) this.show(result, texts.length === 0);
    if (result.failed.length > 0) process.exitCode = EXIT.partial;
    return result;
  }

  private async ask(texts: readonly SyncedText[]) {
    const { readConfig } = await import('../../config/config-file.ts');
    const { liveAccounts } = await import('./live-accounts.ts');
    const status = this.jsonEnabled() ? undefined : new StatusLine(process.stderr);
    return liveAccounts(texts, readConfig(process.env), process.env, (progress) =>
      status?.update(progressText(progress)),
    ).finally(() => status?.end());
  }

  private show(result: HostListResult, isEmpty: boolean): void {
    for (const line of listRemarks(result)) this.talk(line);
    if (result.hosts.length === 0) {
      this.talk(isEmpty ? 'No server was synced yet: devaccess hosts sync' : 'No such server.');
      return;
    }
    // A program that reads this gets all of it.
    const width = process.stdout.isTTY ? process.stdout.columns : Infinity;
    for (const line of tableLines(hostColumns(result.hosts), width, '…')) this.log(line);
  }
}
