import { join, resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';

export default class NodesCredentials extends DevaccessCommand {
  static override summary = 'Give what the bridge has published to AWS tools (credential_process).';
  static override description =
    'Prints the JSON that AWS SDKs expect of a credential_process, after a look at who could have ' +
    'written it and at its end; fails where it is over. --print-config writes the profile for ' +
    '~/.aws/config that runs it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --name shop',
    '<%= config.bin %> <%= command.id %> --name shop --print-config >> ~/.aws/config',
  ];
  static override enableJsonFlag = false;
  static override flags = {
    name: Flags.string({ helpValue: 'NAME', required: true, summary: 'as `nodes bridge` has it' }),
    dir: Flags.string({ helpValue: 'FOLDER', summary: 'where it is published' }),
    'print-config': Flags.boolean({
      summary: 'print a profile that runs this, for every SDK alike',
    }),
    as: Flags.string({
      helpValue: 'PROFILE',
      dependsOn: ['print-config'],
      summary: 'name of that profile; else NAME',
    }),
    region: Flags.string({
      helpValue: 'R',
      dependsOn: ['print-config'],
      summary: 'region of that profile',
    }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(NodesCredentials);
    const dir = flags.dir === undefined ? [] : ['--dir', resolve(flags.dir)];
    if (!flags['print-config']) {
      const { processMain } = await import('../../nodes/bridge/credentials-main.ts');
      process.exitCode = processMain(['--name', flags.name, ...dir]);
      return;
    }
    const { consumerProfile } = await import('../../nodes/bridge/consumer-profile.ts');
    const { stableNodePath } = await import('../../platform/node-path.ts');
    const program = {
      node: stableNodePath(process.execPath),
      script: join(this.config.root, 'bin', 'devaccess.js'),
    };
    const { name, as: profile = name, region } = flags;
    process.stdout.write(consumerProfile({ name, profile, region, program, dir }));
  }
}
