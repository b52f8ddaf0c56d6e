import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';

export default class Exec extends DevaccessCommand {
  static override completes = 'commands' as const;
  static override summary = 'Run a command with the credentials of a profile.';
  static override description =
    'The credentials are in the environment of the command alone; variables by which AWS tools would ' +
    'choose others are taken out of it. Signals are passed on, and the exit status is that of the ' +
    'command. A session that is over is renewed first, with a code asked for on the terminal.';
  static override usage = 'exec [--profile P] -- COMMAND [ARGUMENT]…';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --profile admin -- terraform plan',
    "<%= config.bin %> <%= command.id %> -- sh -c 'env | grep AWS_'",
  ];
  static override enableJsonFlag = false;
  static override flags = {
    profile: Flags.string({ helpValue: 'P', description: 'profile; else AWS_PROFILE, default' }),
    region: Flags.string({
      helpValue: 'R',
      description: "AWS_REGION of the command; else as it is, the profile's",
    }),
  };

  override async run(): Promise<void> {
    const at = this.argv.indexOf('--');
    const [program, ...args] = at < 0 ? [] : this.argv.slice(at + 1);
    const { flags } = await this.parse(Exec, at < 0 ? this.argv : this.argv.slice(0, at));
    if (program === undefined) {
      const next = 'put it after --: devaccess exec -- COMMAND';
      throw new DevaccessError('DA_USAGE', 'There is no command', { next, exitCode: EXIT.usage });
    }
    const { freshCredentials } = await import('../credentials/fresh-credentials.ts');
    const { changedEnvironment, credentialEnvironment } =
      await import('../credentials/credential-environment.ts');
    const { endAlike, runChild } = await import('../platform/run-child.ts');
    const credentials = await freshCredentials(
      { profile: flags.profile, region: flags.region },
      this.worldOfPerson,
    );
    const change = credentialEnvironment(credentials);
    endAlike(await runChild(program, args, changedEnvironment(process.env, change)));
  }
}
