import { Flags } from '@oclif/core';

/** Of every command that opens sessions. */
export const LOG_FLAG = {
  'log-file': Flags.string({
    helpValue: 'FILE',
    summary: 'append a diagnostic log',
    env: 'DEVACCESS_LOG',
  }),
};

/** Of commands that are given a server, which may have been synced with its account. */
export const HOST_FLAGS = {
  profile: Flags.string({ helpValue: 'P', summary: "profile; else the synced host's" }),
  region: Flags.string({ helpValue: 'R', summary: "region; else the synced host's" }),
  ...LOG_FLAG,
};
