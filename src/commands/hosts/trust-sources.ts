import { awsManagedNodes } from '../../hosts/inventory-source.ts';
import type { KeySource, NodeFacts } from '../../hosts/host-keys/key-reading.ts';
import type { SyncedHost } from '../../hosts/synced-hosts.ts';
import { DevaccessError } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';

/** Systems Manager of the accounts and regions that hosts were synced with. */
export function trustSources(env: Environment): (host: SyncedHost) => Promise<KeySource> {
  return async ({ profile, region }) => {
    const { chooseAccess } = await import('../../credentials/access.ts');
    const { RunCommandApi } = await import('../../aws/run-command/run-command-api.ts');
    const access = await chooseAccess({ profile, region }, env, Date.now());
    const { namedProfile } = access;
    return {
      nodes: async (ids) => {
        const facts = new Map<string, NodeFacts>();
        try {
          for await (const node of awsManagedNodes(access, namedProfile, ids)) {
            const { InstanceId = '', PingStatus = '', PlatformType } = node;
            facts.set(InstanceId, {
              pingStatus: PingStatus,
              isWindows: PlatformType === 'Windows',
            });
          }
        } catch (error) {
          // One can go on without: then Run Command tells who is not there.
          if (error instanceof DevaccessError && error.code === 'DA_ACCESS_DENIED')
            return undefined;
          throw error;
        }
        return facts;
      },
      runCommand: await RunCommandApi.create({ profile: namedProfile, env }, access.region),
    };
  };
}
