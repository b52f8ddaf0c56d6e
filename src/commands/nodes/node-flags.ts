import { Flags } from '@oclif/core';
import type { NodeApi } from '../../nodes/node-api.ts';
import type { Environment } from '../../platform/paths.ts';

/** Whose nodes. */
export const ACCOUNT_FLAGS = {
  profile: Flags.string({ helpValue: 'P', summary: 'profile; else AWS_PROFILE, default' }),
  region: Flags.string({ helpValue: 'R', summary: "region; else AWS_REGION, profile's" }),
};

interface AccountFlags {
  profile: string | undefined;
  region: string | undefined;
}

/** Runs `work` with the account and region that the flags name. */
export async function withNodeApi<Result>(
  { profile, region }: AccountFlags,
  work: (api: NodeApi) => Promise<Result>,
): Promise<Result> {
  const { chooseAccess } = await import('../../credentials/access.ts');
  const { NodeApi } = await import('../../nodes/node-api.ts');
  const api = await NodeApi.open(await chooseAccess({ profile, region }, process.env, Date.now()));
  return work(api).finally(() => api.close());
}

/** The region that the flags name, for what needs no credentials. */
export async function regionOf(
  { profile, region: flag }: AccountFlags,
  env: Environment,
): Promise<string> {
  const { chooseRegion } = await import('../../aws/region.ts');
  const { chooseProfile, plainSetting, profileSettings, readAwsFiles } =
    await import('../../credentials/profiles.ts');
  const settings = profileSettings(readAwsFiles(env), chooseProfile(profile, env).name);
  return chooseRegion({ flag, env, profileRegion: plainSetting(settings, 'region') });
}

/** `4` where some failed, `1` where all did. */
export function exitCodeOf(failed: number, all: number): number {
  if (failed === 0) return 0;
  return failed === all ? 1 : 4;
}
