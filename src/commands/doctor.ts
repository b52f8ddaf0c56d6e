import { Args, Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import type { CredentialsReport } from './doctor/credentials-report.ts';
import type { HostReport } from './doctor/host-report.ts';
import { selectorWorld } from './selector-world.ts';

export default class Doctor extends DevaccessCommand {
  static override summary = 'Find out what is wrong, and what to do about it.';
  static override completes = 'hosts' as const;
  static override description =
    'Without HOST: looks at the AWS files, the environment, what each AWS tool makes of them, the MFA device, the ' +
    'clock, proxies and endpoints. Asks for no code, prints no secret, changes nothing. Exit code 0: ' +
    'no problem; 1: a problem; 3: only a session is missing. With HOST: walks the path to a server, from ' +
    'credentials to login, and stops at the first broken step; it starts sessions and ends them, and logs ' +
    'in with ssh where that asks nothing.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --profile prod --offline',
    '<%= config.bin %> <%= command.id %> someserver',
  ];
  static override args = {
    host: Args.string({ description: 'name, instance id or tag:KEY=VALUE of a server' }),
  };
  static override flags = {
    profile: Flags.string({ helpValue: 'P', description: 'profile; else AWS_PROFILE, default' }),
    region: Flags.string({ helpValue: 'R', description: "region; else AWS_REGION, the profile's" }),
    offline: Flags.boolean({ default: false, description: 'ask nobody on the network' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Doctor);
    if (args.host !== undefined) {
      await this.#walkTo(args.host, flags);
      return;
    }
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

  async #walkTo(
    selector: string,
    flags: { profile: string | undefined; region: string | undefined; offline: boolean },
  ): Promise<void> {
    const { profile, region } = flags;
    if (flags.offline) {
      throw new DevaccessError(
        'DA_USAGE',
        '--offline has nothing to look at on the way to a server',
        {
          next: 'leave out HOST, or --offline',
          exitCode: EXIT.usage,
        },
      );
    }
    const { selectHost } = await import('../hosts/selectors.ts');
    const { hostReport } = await import('./doctor/host-report.ts');
    const { hostLines } = await import('./doctor/host-lines.ts');
    const { hostQuestion } = await import('./doctor/host-question.ts');
    const { takeStopSignals } = await import('../platform/stop-request.ts');
    const world = await selectorWorld({ profile, region }, process.env);
    const host = await selectHost(selector, world);
    const question = hostQuestion(host, world.syncedHosts, { profile, region });
    const stop = takeStopSignals();
    const done = await this.waiting(`on the way to ${host.name} …`);
    const { signal } = stop;
    const report: HostReport = await hostReport(question, {
      env: process.env,
      now: Date.now,
      stop: signal,
    }).finally(done);
    // What was looked at by then says nothing of the rest.
    if (stop.exitCode !== undefined) await this.leave(stop.exitCode);
    if (this.jsonEnabled()) this.logJson(report);
    else this.log(hostLines(report).join('\n'));
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
