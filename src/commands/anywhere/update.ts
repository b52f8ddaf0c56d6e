import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { localAndUtc } from '../../cli/time.ts';
import { EXIT, printable } from '../../platform/errors.ts';
import type { WrittenProfile } from '../../roles-anywhere/kept-profile.ts';
import { plainFlags } from '../../roles-anywhere/options.ts';
import { CREDENTIAL_FLAGS, askPassphrase } from './anywhere-flags.ts';

export default class AnywhereUpdate extends DevaccessCommand {
  static override summary =
    "Keep credentials of a machine's role in a profile of the credentials file.";
  static override description =
    'For tools that know no credential_process. Renews them 15 minutes before they end, until it is ' +
    'ended; all else in the file stays as it is, byte for byte. Where new ones do not arrive, the old ' +
    'ones stay, and it tries again. Takes the options of aws_signing_helper. With --json each renewal ' +
    'is one line.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --profile node --certificate node.pem --private-key node.key ' +
      '--trust-anchor-arn ARN --profile-arn ARN --role-arn ARN',
    '<%= config.bin %> <%= command.id %> --once --certificate node.pem --private-key node.key ' +
      '--trust-anchor-arn ARN --profile-arn ARN --role-arn ARN',
  ];
  static override flags = {
    profile: Flags.string({ helpValue: 'P', default: 'default', description: 'profile to write' }),
    once: Flags.boolean({ description: 'write it once, and end' }),
    ...CREDENTIAL_FLAGS,
  };

  override async run(): Promise<WrittenProfile | undefined> {
    const { flags } = await this.parse(AnywhereUpdate, plainFlags(this.argv, ['once']));
    const { profile, once, ...given } = flags;
    const { sessionPlan } = await import('../../roles-anywhere/session-plan.ts');
    const { keepProfile, updateOnce } = await import('../../roles-anywhere/update.ts');
    const { takeStopSignals } = await import('../../platform/stop-request.ts');
    const plan = await sessionPlan(given, process.env);
    const world = {
      env: process.env,
      now: Date.now,
      // Also with --json: it is the only word of what fails while it runs.
      say: (text: string) => void process.stderr.write(printable(`devaccess: ${text}`) + '\n'),
      askPassphrase,
    };
    if (once) {
      const written = await updateOnce(plan, profile, world);
      this.tell(written);
      return written;
    }
    const onWritten = (written: WrittenProfile): void => {
      if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(written)}\n`);
      this.tell(written);
    };
    await keepProfile(plan, profile, takeStopSignals().signal, { ...world, onWritten });
    return this.leave(EXIT.done);
  }

  private tell({ profile, file, outcome, expiration, notices }: WrittenProfile): void {
    for (const notice of notices) this.talk(printable(`devaccess: ${notice}`));
    const until = localAndUtc(expiration);
    this.talk(printable(`[${profile}] of ${file} ${outcome}: credentials until ${until}`));
  }
}
