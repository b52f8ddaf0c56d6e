import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { SHELLS, shellLines, usualShell } from '../credentials/shell-syntax.ts';

export default class Env extends DevaccessCommand {
  static override summary = "Print a profile's credentials as variables for a shell.";
  static override description =
    'For a shell to read: eval "$(devaccess env)" in bash and zsh, devaccess env | source in fish, ' +
    'devaccess env | Out-String | Invoke-Expression in PowerShell. Variables by which AWS tools would ' +
    'choose other credentials are removed. What is printed is secret.';
  static override examples = ['eval "$(<%= config.bin %> <%= command.id %> --profile admin)"'];
  static override enableJsonFlag = false;
  static override flags = {
    profile: Flags.string({ helpValue: 'P', description: 'profile; else AWS_PROFILE, default' }),
    region: Flags.string({
      helpValue: 'R',
      description: "AWS_REGION; else as it is, the profile's",
    }),
    shell: Flags.option({ options: SHELLS, description: 'whose syntax; else the one of SHELL' })(),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Env);
    const { freshCredentials } = await import('../credentials/fresh-credentials.ts');
    const { credentialEnvironment } = await import('../credentials/credential-environment.ts');
    const credentials = await freshCredentials(
      { profile: flags.profile, region: flags.region },
      this.worldOfPerson,
    );
    const shell = flags.shell ?? usualShell(process.env['SHELL'], process.platform);
    process.stdout.write(shellLines(shell, credentialEnvironment(credentials)));
  }
}
