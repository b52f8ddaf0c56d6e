import { Args, Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { EXIT } from '../../platform/errors.ts';
import type { FixedHostsResult } from './fixed-result.ts';

const KEYS = {
  instance: Flags.string({ helpValue: 'ID', summary: 'instance id whose agent is the way in' }),
  address: Flags.string({
    helpValue: 'HOST',
    summary: 'address or name, as the server that it is reached via knows it',
  }),
  via: Flags.string({ helpValue: 'HOST', summary: 'host of hosts sync, by name or id' }),
  route: Flags.option({
    options: ['jump', 'remote-host'] as const,
    summary: 'through the SSH server of --via, which is the default, or through its agent alone',
  })(),
  user: Flags.string({ helpValue: 'U', summary: 'user to log in as' }),
  port: Flags.integer({ helpValue: 'PORT', summary: 'port of its SSH server; else 22' }),
  'identity-file': Flags.string({ helpValue: 'PATH', summary: 'private key to log in with' }),
  'control-master': Flags.boolean({ summary: 'further connections to it share the first' }),
  profile: Flags.string({ helpValue: 'P', summary: 'AWS profile; else that of --via, the usual' }),
  region: Flags.string({ helpValue: 'R', summary: 'AWS region; else that of --via, the usual' }),
};

export default class HostsAdd extends DevaccessCommand {
  static override summary =
    'Add a server that no fleet finds to the config file and the SSH config.';
  static override description =
    'Writes [hosts.NAME] of the config file, whose other bytes stay, and its entry. AWS is not asked. ' +
    'The same again changes nothing.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> nas --instance mi-0123456789abcdef0 --user admin',
    '<%= config.bin %> <%= command.id %> old-db --address 10.0.9.4 --via bastion',
  ];
  static override args = { name: Args.string({ required: true, description: 'its name for ssh' }) };
  static override flags = {
    ...KEYS,
    replace: Flags.boolean({
      default: false,
      summary: 'in the place of a fixed host of this name',
    }),
  };

  async run(): Promise<FixedHostsResult> {
    const { args, flags } = await this.parse(HostsAdd);
    const { editConfig } = await import('../../config/edit-config.ts');
    const { readHostFlags, withFixedHost } = await import('../../config/fixed-host-edit.ts');
    const { fixedRemarks, fixedSummary, writeFixedHosts } = await import('./fixed-result.ts');
    const { replace, instance, address, via, route, user, port, profile, region } = flags;
    const values = readHostFlags(args.name, {
      ...{ instance, address, via, route, user, port, profile, region },
      'identity-file': flags['identity-file'],
      'control-master': flags['control-master'],
    });
    const config = await editConfig(process.env, (text) =>
      withFixedHost(text, args.name, values, replace),
    );
    const result = await writeFixedHosts(config, this.config.root, process.env);
    for (const remark of fixedRemarks(result)) this.talk(remark);
    this.log(fixedSummary(result));
    const hasEntry = result.skipped.every(({ name }) => name !== args.name);
    if (!hasEntry) process.exitCode = EXIT.partial;
    return result;
  }
}
