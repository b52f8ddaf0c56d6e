import { realpathSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import type { TrustResult } from '../../hosts/host-keys/trust-hosts.ts';
import type { SyncResult } from '../../hosts/sync.ts';
import { printable } from '../../platform/errors.ts';
import { sshDirectory } from '../../platform/paths.ts';

/** A large account must not scroll away what matters. */
const MAX_SKIPPED_LINES = 20;

export default class HostsSync extends DevaccessCommand {
  static override summary = 'Write the servers of an account into the SSH config.';
  static override description =
    'Reads EC2 and Systems Manager and writes one file below ~/.ssh/config.d with an entry for ' +
    'the bastion and for each server, included once at the top of ~/.ssh/config.';
  static override examples = ['<%= config.bin %> <%= command.id %> --bastion tag:Name=bastion'];

  static override flags = {
    profile: Flags.string({ helpValue: 'P', description: 'profile; else AWS_PROFILE, default' }),
    region: Flags.string({ helpValue: 'R', description: "region; else AWS_REGION, profile's" }),
    bastion: Flags.string({
      helpValue: 'ID|tag:KEY=VALUE',
      description: 'the server all others are reached through; else found by its name',
    }),
    route: Flags.option({
      options: ['jump', 'remote-host'] as const,
      default: 'jump',
      summary: 'how to reach servers behind the bastion',
      description: 'through its SSH server, or through its agent alone: no login on the bastion',
    })(),
    user: Flags.string({
      helpValue: 'U',
      description: 'user for all servers, not by their system',
    }),
    trust: Flags.boolean({
      default: false,
      exclusive: ['dry-run'],
      summary: 'fetch the host keys of all these servers, too',
      description: 'as `devaccess hosts trust` does',
    }),
    'dry-run': Flags.boolean({
      default: false,
      description: 'show the changes as a diff and write nothing',
    }),
  };

  override async run(): Promise<SyncResult & { trust?: TrustResult }> {
    const { flags } = await this.parse(HostsSync);
    const { chooseAccess } = await import('../../credentials/access.ts');
    const { readConfig } = await import('../../config/config-file.ts');
    const { awsInventorySource } = await import('../../hosts/inventory-source.ts');
    const { warmProxy } = await import('../../hosts/proxy-command.ts');
    const { stableNodePath } = await import('../../platform/node-path.ts');
    const { syncHosts } = await import('../../hosts/sync.ts');
    const { profile, region, bastion, route, user } = flags;
    const access = await chooseAccess({ profile, region }, process.env, Date.now());
    const program = {
      node: stableNodePath(process.execPath),
      script: join(this.config.root, 'bin', 'devaccess-proxy.js'),
    };
    const warmed = flags['dry-run'] ? undefined : warmProxy(program);
    const result = await syncHosts(
      {
        profile: access.profile,
        proxyProfile: access.namedProfile,
        region: access.region,
        bastion,
        route,
        user,
        flow: readConfig(process.env).session,
        dryRun: flags['dry-run'],
      },
      {
        source: awsInventorySource(access, access.namedProfile),
        sshDirectory: sshDirectory(process.env),
        loginHome: userInfo().homedir,
        program,
      },
    ).finally(() => warmed);
    this.show({ ...result, notices: [...access.notices, ...result.notices] });
    const trust = flags.trust ? await this.trust(result) : undefined;
    return trust === undefined ? result : { ...result, trust };
  }

  private async trust({ files, hosts }: SyncResult): Promise<TrustResult | undefined> {
    const { readSyncedFiles } = await import('../../hosts/synced-hosts.ts');
    const { runTrust } = await import('./run-trust.ts');
    if (hosts.length === 0) return undefined;
    // Those written are told of by where they really are.
    const written = new Set(files.map(({ path }) => realpathSync(path)));
    const synced = readSyncedFiles(sshDirectory(process.env)).filter(({ path }) =>
      written.has(realpathSync(path)),
    );
    const request = { files: synced, accepts: () => false };
    return runTrust(request, { talk: (text) => this.talk(text), isJson: this.jsonEnabled() });
  }

  private show(result: SyncResult): void {
    for (const notice of result.notices) this.talk(printable(`devaccess: ${notice}`));
    for (const { instanceId, name, reason } of result.skipped.slice(0, MAX_SKIPPED_LINES)) {
      const who = name === null ? instanceId : `${name} (${instanceId})`;
      this.talk(printable(`skipped ${who}: ${reason}`));
    }
    const unsaid = result.skipped.length - MAX_SKIPPED_LINES;
    if (unsaid > 0) this.talk(`skipped ${unsaid} more; --json lists them`);
    if (result.diff !== undefined && !this.jsonEnabled()) process.stdout.write(result.diff);
    const { added, changed, removed, unchanged } = result;
    const counts = `${added.length} added, ${changed.length} changed, ${removed.length} removed, ${unchanged.length} unchanged`;
    const where = result.files.map(({ path, outcome }) => `${path} (${outcome})`).join(', ');
    const text = `${result.hosts.length} hosts: ${counts}; ${where}`;
    if (result.dryRun) this.talk(`${text}; nothing was written`);
    else this.log(text);
  }
}
