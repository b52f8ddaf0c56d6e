import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import type { TrustResult } from '../../hosts/host-keys/trust-hosts.ts';
import { sshDirectory } from '../../platform/paths.ts';

export default class HostsTrust extends DevaccessCommand {
  static override summary = 'Fetch host keys of servers, so that the first connection is checked.';
  static override description =
    'Run Command reads the public host keys on the servers; those of a server behind a bastion are ' +
    'told by the bastion. From then on ssh takes no other key. A key that changed is shown, and not ' +
    'taken unless it is accepted.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --all',
    '<%= config.bin %> <%= command.id %> web-1 tag:Role=db',
    '<%= config.bin %> <%= command.id %> --accept-changed web-1',
  ];
  static override usage = '<%= command.id %> [HOST...] [flags]';
  static override completes = 'hosts' as const;
  static override strict = false;
  static override flags = {
    all: Flags.boolean({ default: false, summary: 'every server that was synced' }),
    'accept-changed': Flags.string({
      helpValue: 'HOST',
      summary: 'take the key that was shown as changed; may be given again',
      multiple: true,
      multipleNonGreedy: true,
    }),
    profile: Flags.string({ helpValue: 'P', summary: 'only servers synced with this profile' }),
    region: Flags.string({ helpValue: 'R', summary: 'only servers of this region' }),
  };

  async run(): Promise<TrustResult | undefined> {
    const { argv, flags } = await this.parse(HostsTrust);
    const { readSyncedTexts } = await import('../../hosts/synced-hosts.ts');
    const { chooseTrusted } = await import('../../hosts/host-keys/choose-hosts.ts');
    const { selectorWorld } = await import('../selector-world.ts');
    const { runTrust } = await import('./run-trust.ts');
    const { profile, region, all, 'accept-changed': accepted = [] } = flags;
    const request = await chooseTrusted(
      readSyncedTexts(sshDirectory(process.env)),
      { hosts: argv as string[], all, profile, region, accepted },
      await selectorWorld({ profile, region }, process.env),
    );
    return runTrust(request, { talk: (text) => this.talk(text), isJson: this.jsonEnabled() });
  }
}
