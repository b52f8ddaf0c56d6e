import { callerIdentity } from '../../aws/caller-identity.ts';
import { chooseRegion } from '../../aws/region.ts';
import { chooseAccess } from '../../credentials/access.ts';
import {
  chooseProfile,
  plainSetting,
  profileSettings,
  readAwsFiles,
} from '../../credentials/profiles.ts';
import type { Environment } from '../../platform/paths.ts';

interface AskedPlace {
  account: string | undefined;
  regions: readonly string[];
  profile: string | undefined;
}

/**
 * Account and regions of a policy: as given, else those of the profile. Where the account is given,
 * nobody is asked and no credentials are needed.
 *
 * @throws DevaccessError DA_NO_REGION, and those of signing in
 */
export async function placeOf(
  { account, regions, profile }: AskedPlace,
  env: Environment,
): Promise<{ account: string; regions: readonly string[] }> {
  if (account !== undefined) {
    return { account, regions: regions.length > 0 ? regions : [usualRegion(profile, env)] };
  }
  const access = await chooseAccess({ profile, region: regions[0] }, env, Date.now());
  const { credentials, region, namedProfile } = access;
  const caller = await callerIdentity({ credentials, region, profile: namedProfile });
  return { account: caller.account, regions: regions.length > 0 ? regions : [region] };
}

function usualRegion(profile: string | undefined, env: Environment): string {
  const settings = profileSettings(readAwsFiles(env), chooseProfile(profile, env).name);
  return chooseRegion({ flag: undefined, env, profileRegion: plainSetting(settings, 'region') });
}
