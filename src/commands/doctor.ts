import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { EXIT } from '../platform/errors.ts';
import type { CredentialsReport } from './doctor/credentials-report.ts';

export default class Doctor extends DevaccessCommand {
  static override summary = 'Find out what is wrong, and what to do about it.';
  static override description =
    'Looks at the AWS files, the environment, what each AWS tool makes of them, the MFA device, the ' +
    'clock, proxies and endpoints. Asks for no code, prints no secret, changes nothing. Exit code 0: ' +
    'no problem; 1: a problem; 3: only a session is missing.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --profile prod --offline',
  ];
  static override flags = {
    profile: Flags.string({ helpValue: 'P', description: 'profile; else AWS_PROFILE, default' }),
    region: Flags.string({ helpValue: 'R', description: "region; else AWS_REGION, the profile's" }),
    offline: Flags.boolean({ default: false, description: 'ask nobody on the network' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Doctor);
    const { credentialsReport } = await import('./doctor/credentials-report.ts');
    const { profile, region, offline: isOffline } = flags;
    const done = await this.waiting(isOffline ? undefined : 'asking AWS …');
    const report = await credentialsReport(
      { profile, region, isOffline },
      process.env,
      Date.now,
    ).finally(done);
    await this.show(report);
    // Not waiting for what AWS still leaves unanswered.
    await this.leave(EXIT_CODES[report.outcome]);
  }

  private async show(report: CredentialsReport): Promise<void> {
    if (this.jsonEnabled()) {
      this.logJson(report);
      return;
    }
    const { reportLines } = await import('./doctor/report-lines.ts');
    // Undefined without a terminal, 0 where it does not say.
    const width = process.stdout.columns > 0 ? process.stdout.columns : Infinity;
    this.log(reportLines(report, width).join('\n'));
  }

  /** A line on the terminal for as long as something takes. */
  private async waiting(text: string | undefined): Promise<() => void> {
    if (text === undefined || this.jsonEnabled() || !process.stderr.isTTY) return () => undefined;
    const { LiveRegion } = await import('../cli/live-region.ts');
    const region = new LiveRegion(process.stderr, () => undefined);
    region.draw([text]);
    return () => {
      region.draw([]);
      region.end();
    };
  }
}

const EXIT_CODES = {
  ok: EXIT.done,
  problem: EXIT.failed,
  'needs-person': EXIT.needsPerson,
} as const;
