import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { localAndUtc, roughDuration } from '../cli/time.ts';
import type { MfaResult } from '../credentials/mfa.ts';

export default class Mfa extends DevaccessCommand {
  static override summary = 'Get short-term AWS credentials with an MFA code.';
  static override description =
    'Reads the long-term key of [PROFILE-long-term] in the AWS credentials file, asks STS for a ' +
    'session and writes it to [PROFILE]. A session that is still valid is kept.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --profile prod --duration 3600',
  ];

  static override flags = {
    profile: Flags.string({ helpValue: 'P', description: 'profile; else AWS_PROFILE, default' }),
    token: Flags.string({
      helpValue: 'CODE',
      aliases: ['mfa-token'],
      description: 'the six digits, instead of being asked for them',
    }),
    duration: Flags.integer({
      helpValue: 'S',
      description: 'seconds the session lasts; else MFA_STS_DURATION, 43200',
    }),
    device: Flags.string({
      helpValue: 'ARN',
      description: 'MFA device; else MFA_DEVICE, aws_mfa_device in the file',
    }),
    region: Flags.string({ helpValue: 'R', description: 'region of the STS endpoint' }),
    force: Flags.boolean({
      default: false,
      description: 'get a new session although the present one is valid',
    }),
    'long-term-suffix': Flags.string({
      aliases: ['long-suffix'],
      helpValue: 'NAME',
      description: "long-term section is [P-NAME]; 'none' for [P]",
    }),
    'short-term-suffix': Flags.string({
      aliases: ['short-suffix'],
      helpValue: 'NAME',
      description: 'short-term section is [P-NAME]',
    }),
  };

  override async run(): Promise<MfaResult> {
    const { flags } = await this.parse(Mfa);
    const { renewMfaSession } = await import('../credentials/mfa.ts');
    const { askMfaCode } = await import('../cli/prompts.ts');
    const result = await renewMfaSession(
      {
        profile: flags.profile,
        token: flags.token,
        durationSeconds: flags.duration,
        device: flags.device,
        region: flags.region,
        longTermSuffix: flags['long-term-suffix'],
        shortTermSuffix: flags['short-term-suffix'],
        force: flags.force,
      },
      { env: process.env, now: Date.now, askCode: askMfaCode, talk: (text) => this.talk(text) },
    );
    const verb = result.action === 'kept' ? 'is still valid' : 'has a new session';
    const left = roughDuration(result.secondsLeft);
    this.log(`${result.profile} ${verb} for ${left}, until ${localAndUtc(result.expiration)}`);
    return result;
  }
}
