import type { SelectorWorld } from '../hosts/selectors.ts';
import { sshDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/**
 * What commands resolve their host arguments against: the synced hosts of this computer, and for
 * tags the account of `--profile` and `--region`, else of the environment.
 */
export async function selectorWorld(
  flags: { profile: string | undefined; region: string | undefined },
  env: Environment,
): Promise<SelectorWorld> {
  const { readSyncedHosts } = await import('../hosts/synced-hosts.ts');
  return {
    syncedHosts: readSyncedHosts(sshDirectory(env)),
    tagAccount: async (tag) => {
      const { chooseAccess } = await import('../credentials/access.ts');
      const { awsTaggedSource } = await import('../hosts/inventory-source.ts');
      const access = await chooseAccess(flags, env, Date.now());
      return {
        source: awsTaggedSource(access, access.namedProfile, tag),
        profile: access.namedProfile,
        region: access.region,
        notices: access.notices,
      };
    },
  };
}
