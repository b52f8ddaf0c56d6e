/** `hosts sync` of the sandbox's crowd, with the answers of AWS in memory. */
import type { Instance } from '@aws-sdk/client-ec2';
import type { InstanceInformation } from '@aws-sdk/client-ssm';
import { fleetOptions } from '../../../src/hosts/fleet.ts';
import type { SyncAccount } from '../../../src/hosts/read-accounts.ts';
import { syncHosts } from '../../../src/hosts/sync.ts';
import type { SyncWorld } from '../../../src/hosts/sync.ts';
import type { SyncResult } from '../../../src/hosts/sync-result.ts';
import type { SandboxAccount } from '../../../src/sandbox/account.ts';
import { crowd } from '../../../src/sandbox/crowd.ts';

/** One account in one region, with its part of the crowd. */
export function crowdAccounts(
  servers: number,
  regions: readonly string[],
  all: Pick<SandboxAccount, 'instances' | 'nodes'> = crowd({ servers, regions, nowMs: 0 }),
  onAnswered: () => void = () => undefined,
): SyncAccount[] {
  const options = fleetOptions({ bastion: 'tag:Role=bastion' });
  return regions.map((region) => {
    const instances = all.instances
      .filter((instance) => instance.region === region)
      .map((instance): Instance => ({
        InstanceId: instance.instanceId,
        State: { Name: instance.state },
        VpcId: instance.vpcId,
        PrivateIpAddress: instance.privateIpAddress,
        Platform: instance.platform === undefined ? undefined : 'Windows',
        Tags: Object.entries(instance.tags).map(([Key, Value]) => ({ Key, Value })),
      }));
    const nodes = all.nodes
      .filter((node) => node.region === region)
      .map((node): InstanceInformation => ({
        InstanceId: node.instanceId,
        PingStatus: node.pingStatus,
        PlatformType: node.platformType,
        PlatformName: node.platformName,
        AgentVersion: node.agentVersion,
        ResourceType: node.resourceType,
      }));
    return {
      fleet: undefined,
      profile: 'crowd',
      proxyProfile: 'crowd',
      region,
      options,
      source: {
        instances: () => each(instances, onAnswered),
        managedNodes: () => each(nodes, onAnswered),
      },
      command: 'devaccess hosts sync',
    };
  });
}

/** As the built command does it, but for AWS. */
export function syncCrowd(
  accounts: readonly SyncAccount[],
  world: Pick<SyncWorld, 'sshDirectory' | 'readableHosts'>,
): Promise<SyncResult> {
  return syncHosts(
    {
      accounts,
      failures: [],
      fixedHosts: undefined,
      fixedCommand: 'devaccess hosts sync',
      config: '/nobody/config.toml',
      isComplete: false,
      inline: false,
      flow: undefined,
      dryRun: false,
    },
    {
      loginHome: '/nobody',
      program: { node: '/usr/bin/node', script: '/opt/devaccess/bin/devaccess-proxy.js' },
      ...world,
    },
  );
}

async function* each<Item>(items: readonly Item[], onEnd: () => void): AsyncGenerator<Item> {
  await Promise.resolve();
  yield* items;
  onEnd();
}
