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
    const env = process.env;
    const { chooseProfile } = await import('../credentials/profiles.ts');
    const { processAnswer, waitingFor } = await import('../credentials/credential-process.ts');
    const profile = chooseProfile(flags.profile, env).name;
    if (flags['print-config']) {
      const { processProfile } = await import('../credentials/process-profile.ts');
      const { stableNodePath } = await import('../platform/node-path.ts');
      const program = {
        node: stableNodePath(process.execPath),
        script: join(this.config.root, 'bin', 'devaccess.js'),
      };
      const name = flags.as ?? `${profile}-process`;
      process.stdout.write(processProfile({ profile, name, program }, env));
      return;
    }
    const { COOL_DOWN_MS } = await import('../aws/renewal.ts');
    const { freshCredentials } = await import('../credentials/fresh-credentials.ts');
    // A process that ours starts for its source must know.
    Object.assign(env, waitingFor(profile, env));
    const credentials = await freshCredentials(
      { profile, region: undefined },
      { ...this.worldOfPerson, coolDownMs: COOL_DOWN_MS },
    );
    process.stdout.write(`${JSON.stringify(processAnswer(credentials))}\n`);
  }
}
