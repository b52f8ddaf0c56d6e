import { spellOut } from '../cli/argparse.ts';
import { DevaccessCommand } from '../cli/base-command.ts';
import { localAndUtc, roughDuration } from '../cli/time.ts';
import type { LongTermSetupResult, SetupQuestion } from '../credentials/long-term-setup.ts';
import type { MfaResult } from '../credentials/mfa.ts';
import { AWS_MFA_FLAGS, LOG_LEVELS, OWN_FLAGS } from './mfa-flags.ts';

export default class Mfa extends DevaccessCommand {
  static override summary = 'Get short-term AWS credentials with an MFA code.';
  static override description =
    'Reads the long-term key of [PROFILE-long-term] in the AWS credentials file, asks STS for a ' +
    'session and writes it to [PROFILE]. A session that is still valid is kept. Takes the options, ' +
    "variables and files of aws-mfa: alias aws-mfa='devaccess mfa' (docs/migrating-from-aws-mfa.md).";
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --profile prod --duration 3600',
    '<%= config.bin %> <%= command.id %> --assume-role arn:aws:iam::123456789012:role/admin',
    '<%= config.bin %> <%= command.id %> --setup',
  ];
  static override flags = { ...AWS_MFA_FLAGS, ...OWN_FLAGS };

  override async run(): Promise<MfaResult | LongTermSetupResult> {
    const { flags } = await this.parse(Mfa, spellOut(this.argv, AWS_MFA_FLAGS));
    const isSaid = (level: string): boolean =>
      LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(flags['log-level']);
    const prompts = await import('../cli/prompts.ts');
    const env = process.env;
    const target = {
      profile: flags.profile,
      longTermSuffix: flags['long-term-suffix'],
      shortTermSuffix: flags['short-term-suffix'],
    };
    if (flags.setup) {
      const { setUpLongTerm } = await import('../credentials/long-term-setup.ts');
      const ask = (question: SetupQuestion) =>
        prompts.askForSetup(question, 'devaccess mfa --setup');
      const done = await setUpLongTerm(target, { env, ask });
      if (isSaid('INFO')) this.log(`Wrote [${done.section}] to ${done.file}`);
      return done;
    }
    const { renewMfaSession } = await import('../credentials/mfa.ts');
    const result = await renewMfaSession(
      {
        ...target,
        token: flags.token === '-' ? await prompts.readCodeFromStdin() : flags.token,
        durationSeconds: flags.duration,
        device: flags.device,
        role: flags['assume-role'],
        roleSessionName: flags['role-session-name'],
        region: flags.region,
        force: flags.force,
      },
      {
        env,
        now: Date.now,
        ...(flags['no-ask'] ? prompts.ASK_NOBODY : prompts.ASK_PERSON),
        say: (level, text) => {
          if (isSaid(level.toUpperCase())) this.talk(text);
        },
      },
    );
    if (isSaid('INFO')) this.log(describe(result));
    return result;
  }
}

function describe({ profile, action, role, secondsLeft, expiration }: MfaResult): string {
  const who = role === null ? profile : `${profile} (${role})`;
  const verb = action === 'kept' ? 'is still valid' : 'has a new session';
  return `${who} ${verb} for ${roughDuration(secondsLeft)}, until ${localAndUtc(expiration)}`;
}
