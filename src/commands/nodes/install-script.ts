import { Args, Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { ACCOUNT_FLAGS, regionOf } from './node-flags.ts';

export default class NodesInstallScript extends DevaccessCommand {
  static override summary = 'Print a script that makes a machine a node by an activation.';
  static override description =
    'It installs the SSM agent where it is missing (deb, rpm or snap; on Windows its setup), and ' +
    'registers it. It holds no code: it reads it from a file or from standard input, or asks for it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> 01234567-89ab-cdef-0123-456789abcdef > register.sh',
    '<%= config.bin %> <%= command.id %> 01234567-89ab-cdef-0123-456789abcdef --system windows',
  ];
  static override args = {
    activation: Args.string({ required: true, description: 'id of the activation' }),
  };
  static override flags = {
    system: Flags.option({
      options: ['linux', 'windows'] as const,
      default: 'linux' as const,
      summary: 'what the machine runs',
    })(),
    ...ACCOUNT_FLAGS,
  };

  async run(): Promise<{ activationId: string; region: string; system: string; script: string }> {
    const { args, flags } = await this.parse(NodesInstallScript);
    const { installScript } = await import('../../nodes/install-script.ts');
    const region = await regionOf(flags, process.env);
    const script = installScript(flags.system, args.activation, region);
    if (!this.jsonEnabled()) process.stdout.write(script);
    return { activationId: args.activation, region, system: flags.system, script };
  }
}
