import { Flags } from '@oclif/core';

/** Which sessions `list` shows and `terminate` ends. */
export const SESSION_FLAGS = {
  mine: Flags.boolean({ default: false, summary: 'only those that you started' }),
  stale: Flags.boolean({
    default: false,
    summary: 'only those whose client is gone, that were never opened, or that are open for long',
  }),
  'older-than': Flags.string({
    helpValue: 'TIME',
    summary: 'open for long means this long',
    default: '12h',
  }),
  profile: Flags.string({ helpValue: 'P', summary: 'profile; else AWS_PROFILE, default' }),
  region: Flags.string({ helpValue: 'R', summary: "region; else AWS_REGION, profile's" }),
};

interface SessionFlags {
  profile: string | undefined;
  region: string | undefined;
}

/** The sessions of the account that the flags name. */
export async function sessionDirectory({ profile, region }: SessionFlags) {
  const { chooseAccess } = await import('../../credentials/access.ts');
  const { SessionDirectory } = await import('../../session/directory/session-directory.ts');
  const access = await chooseAccess({ profile, region }, process.env, Date.now());
  return SessionDirectory.open(access, Date.now);
}
