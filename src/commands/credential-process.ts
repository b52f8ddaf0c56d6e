import { join } from 'node:path';
import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';

export default class CredentialProcess extends DevaccessCommand {
  static override summary = 'Give the credentials of a profile to AWS tools (credential_process).';
  static override description =
    'Prints the JSON that AWS SDKs expect of a credential_process. Credentials of roles are kept on ' +
    'disk while they last, so that each is asked for once. A session that is over is renewed with a ' +
    'code asked for on the terminal; without one it fails at once. --print-config writes the profile ' +
    'for ~/.aws/config that runs it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --profile admin',
    '<%= config.bin %> <%= command.id %> --profile admin --print-config >> ~/.aws/config',
  ];
  static override enableJsonFlag = false;
  static override flags = {
    profile: Flags.string({ helpValue: 'P', description: 'profile; else AWS_PROFILE, default' }),
    'print-config': Flags.boolean({
      description: 'print a profile that runs this, for every SDK alike',
    }),
    as: Flags.string({
      helpValue: 'NAME',
      dependsOn: ['print-config'],
      description: 'name of that profile; else P-process',
    }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(CredentialProcess);
    if (!flags['print-config']) {
      const { processMain } = await import('../credentials/process-main.ts');
      const args = flags.profile === undefined ? [] : ['--profile', flags.profile];
      process.exitCode = await processMain(args, this.worldOfPerson.mfaCommand);
      return;
    }
    const { chooseProfile } = await import('../credentials/profiles.ts');
    const { processProfile } = await import('../credentials/process-profile.ts');
    const { stableNodePath } = await import('../platform/node-path.ts');
    const profile = chooseProfile(flags.profile, process.env).name;
    const program = {
      node: stableNodePath(process.execPath),
      script: join(this.config.root, 'bin', 'devaccess.js'),
    };
    const name = flags.as ?? `${profile}-process`;
    process.stdout.write(processProfile({ profile, name, program }, process.env));
  }
}
