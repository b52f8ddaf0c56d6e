import { Flags } from '@oclif/core';

/** Which key a command is about. */
export const KEY_FLAGS = {
  profile: Flags.string({ helpValue: 'P', description: 'profile; else AWS_PROFILE, default' }),
  'long-term-suffix': Flags.string({
    aliases: ['long-suffix'],
    helpValue: 'NAME',
    description: "long-term section is [P-NAME]; 'none' for [P]",
  }),
};

export const PROCESS_FLAG = {
  'credential-process': Flags.boolean({
    default: false,
    description: 'have AWS tools that read this section ask devaccess for the key',
  }),
};
