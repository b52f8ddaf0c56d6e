import { Flags } from '@oclif/core';

/** From the one that hides nothing to the one that hides most; errors are always told. */
export const LOG_LEVELS = ['NOTSET', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];

/** The options of aws-mfa (1.2 of the credentials facts). */
export const AWS_MFA_FLAGS = {
  profile: Flags.string({ helpValue: 'P', description: 'profile; else AWS_PROFILE, default' }),
  token: Flags.string({
    helpValue: 'CODE',
    aliases: ['mfa-token'],
    description: 'the six digits, instead of being asked for them; - reads them from stdin',
  }),
  duration: Flags.integer({
    helpValue: 'S',
    description: 'seconds the session lasts; else MFA_STS_DURATION, 43200 (3600 for a role)',
  }),
  device: Flags.string({
    helpValue: 'ARN',
    description: 'MFA device; else MFA_DEVICE, aws_mfa_device or mfa_serial in the files',
  }),
  'assume-role': Flags.string({
    aliases: ['assume'],
    helpValue: 'ARN',
    description: 'write the session of a role; else MFA_ASSUME_ROLE, assume_role in the file',
  }),
  'role-session-name': Flags.string({
    helpValue: 'NAME',
    description: "name of the role's session in CloudTrail; else the login name",
  }),
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
  setup: Flags.boolean({
    default: false,
    description: 'ask for a long-term key, write its section, and stop',
  }),
  'log-level': Flags.string({
    options: LOG_LEVELS,
    helpValue: 'LEVEL',
    default: 'INFO',
    description: 'what is said: DEBUG the reasons, too; WARNING no result, ERROR errors alone',
  }),
};

/** What aws-mfa does not have. */
export const OWN_FLAGS = {
  region: Flags.string({ helpValue: 'R', description: 'region of the STS endpoint' }),
  'no-ask': Flags.boolean({
    default: false,
    description: 'ask nobody: exit code 3 where a code or a passphrase would be needed',
  }),
};
