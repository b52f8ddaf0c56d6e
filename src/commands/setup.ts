import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { printable } from '../platform/errors.ts';
import type { DeviceSetup } from './setup/set-up-device.ts';
import type { SshMigration } from './setup/migrate-ssh.ts';
import type { SetupResult } from './setup/set-up-fleet.ts';

export default class Setup extends DevaccessCommand {
  static override summary = 'Write a first config file: whose servers, where, and by which way.';
  static override description =
    'Asks for profile, region, route, bastion and MFA device, shows what it will write, and asks before it writes. ' +
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
    'mfa-device': Flags.string({
      helpValue: 'ARN|none',
      summary: 'MFA device of a long-term key whose section names none yet',
    }),
    migrate: Flags.boolean({
      allowNo: true,
      summary: 'let hand-made entries of ~/.ssh/config that run the AWS CLI run devaccess-proxy',
    }),
    yes: Flags.boolean({ char: 'y', default: false, summary: 'write without asking' }),
    'dry-run': Flags.boolean({ default: false, summary: 'show the change and write nothing' }),
  };

  async run(): Promise<SetupResult & { mfaDevice: DeviceSetup | null; ssh: SshMigration | null }> {
    const { flags } = await this.parse(Setup);
    const { readConfig } = await import('../config/config-file.ts');
    const { setUpFleet } = await import('./setup/set-up-fleet.ts');
    const { askProfile, checkProfile, setupAnswers } = await import('./setup/setup-answers.ts');
    const { askForDevice } = await import('./setup/set-up-device.ts');
    const { checkRegion } = await import('../aws/region.ts');
    // Before anybody is asked: a file with faults is not added to.
    readConfig(process.env);
    flags.region?.forEach(checkRegion);
    const { env } = process;
    const say = (text: string): void => this.talk(printable(`devaccess: ${text}`));
    const profile = flags.profile ?? (await askProfile(env));
    checkProfile(profile, env, say);
    const place = { env, isSure: flags.yes, say };
    const mfaDevice = await askForDevice(profile, flags['mfa-device'], place);
    const answers = await setupAnswers(profile, flags, env, say);
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
    if (mfaDevice !== null) {
      const { section, device } = mfaDevice;
      const { keepDevice } = await import('../credentials/own-user/missing-device.ts');
      if (!dryRun) await keepDevice(section, device, env);
      this.log(
        printable(`[${section}] ${dryRun ? 'would name' : 'names'} the MFA device ${device}`),
      );
    }
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
    return { ...result, mfaDevice, ssh };
  }
}
