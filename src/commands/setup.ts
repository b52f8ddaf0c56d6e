import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { printable } from '../platform/errors.ts';
import type { SshMigration } from './setup/migrate-ssh.ts';
import type { SetupResult } from './setup/set-up-fleet.ts';

export default class Setup extends DevaccessCommand {
  static override summary = 'Write a first config file: whose servers, where, and by which way.';
  static override description =
    'Asks for profile, region, route and bastion, shows what it will write, and asks before it writes. ' +
    'Every question has a flag. The rest of the file stays, byte for byte. Entries of ~/.ssh/config that ' +
    'start sessions with the AWS CLI are offered to be changed, too.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --profile prod --region eu-central-1 --route auto --bastion tag:Name=bastion --yes',
  ];
  static override flags = {
    fleet: Flags.string({
      helpValue: 'NAME',
      summary: 'name of the fleet; else that of the profile',
    }),
    profile: Flags.string({ helpValue: 'P', summary: 'AWS profile' }),
    region: Flags.string({
      helpValue: 'R',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'AWS region; may be given again',
    }),
    route: Flags.option({
      options: ['auto', 'direct', 'jump', 'remote-host'] as const,
      summary: 'way to the servers (docs/hosts.md)',
    })(),
    bastion: Flags.string({
      helpValue: 'ID|tag:KEY=VALUE|auto|none',
      summary: 'server that others are reached through; auto finds it by its name',
    }),
    migrate: Flags.boolean({
      allowNo: true,
      summary: 'let hand-made entries of ~/.ssh/config that run the AWS CLI run devaccess-proxy',
    }),
    yes: Flags.boolean({ char: 'y', default: false, summary: 'write without asking' }),
    'dry-run': Flags.boolean({ default: false, summary: 'show the change and write nothing' }),
  };

  async run(): Promise<SetupResult & { ssh: SshMigration | null }> {
    const { flags } = await this.parse(Setup);
    const { readConfig } = await import('../config/config-file.ts');
    const { setUpFleet } = await import('./setup/set-up-fleet.ts');
    const { setupAnswers } = await import('./setup/setup-answers.ts');
    // Before anybody is asked: a file with faults is not added to.
    readConfig(process.env);
    const answers = await setupAnswers(flags, process.env, (text) =>
      this.talk(printable(`devaccess: ${text}`)),
    );
    const result = await setUpFleet(flags.fleet, answers, {
      env: process.env,
      dryRun: flags['dry-run'],
      isSure: flags.yes,
      show: (diff) =>
        diff
          .trimEnd()
          .split('\n')
          .forEach((line) => this.talk(printable(line))),
    });
    const { path, outcome, fleet, dryRun } = result;
    this.log(
      printable(dryRun ? `${path} would be ${outcome}` : `fleet ${fleet}: ${path} (${outcome})`),
    );
    const { migrateSsh } = await import('./setup/migrate-ssh.ts');
    // Not there without the flag.
    const wanted = flags.migrate as boolean | undefined;
    const { syncWorld } = await import('./hosts/sync-world.ts');
    const ssh = await migrateSsh({
      env: process.env,
      program: syncWorld(this.config.root, process.env).program,
      now: Date.now(),
      dryRun,
      isWanted: wanted ?? (flags.yes ? false : undefined),
      isSure: flags.yes,
      show: (text) => this.talk(printable(text)),
    });
    if (ssh?.backup !== undefined && ssh.backup !== null) {
      this.log(printable(`${ssh.path} (changed); as it was: ${ssh.backup}`));
    }
    if (!dryRun) this.talk(printable(`Next: devaccess hosts sync --fleet ${fleet}`));
    return { ...result, ssh };
  }
}
