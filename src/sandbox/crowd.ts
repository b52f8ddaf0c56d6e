import type { Ec2Instance, ManagedNode } from './account.ts';
import { randomResourceId } from './identifiers.ts';
import { SEED } from './seed-names.ts';

export interface CrowdOptions {
  /** How many servers there are in all. */
  servers: number;
  /** They are spread over these in equal parts. */
  regions: readonly string[];
  nowMs: number;
}

/** Every so many-th server is of this kind. */
const SHARE = { offline: 50, windows: 41, stopped: 37, unmanaged: 10 } as const;
const ROLES = ['web', 'api', 'db', 'worker'] as const;
const PER_SUBNET = 4_000;

/**
 * Servers that are there in name alone, for trying what a large account asks of a client: lists of
 * many pages, names that repeat, and of each kind some. Nothing of them is a process.
 */
export function crowd({ servers, regions, nowMs }: CrowdOptions): {
  instances: Ec2Instance[];
  nodes: ManagedNode[];
} {
  const instances: Ec2Instance[] = [];
  const nodes: ManagedNode[] = [];
  const networks = regions.map((region) => ({
    region,
    vpcId: randomResourceId('vpc'),
    imageId: randomResourceId('ami'),
    subnetIds: Array.from({ length: Math.ceil(servers / PER_SUBNET) }, () =>
      randomResourceId('subnet'),
    ),
  }));
  for (let index = 0; index < servers; index += 1) {
    const network = networks[index % networks.length];
    if (network === undefined) break;
    const here = Math.floor(index / networks.length);
    const instance = crowdInstance(here, network, nowMs);
    instances.push(instance);
    if (instance.state === 'stopped' || (here > 0 && here % SHARE.unmanaged === 0)) continue;
    nodes.push(crowdNode(instance, here > 0 && here % SHARE.offline === 1, nowMs));
  }
  return { instances, nodes };
}

interface Network {
  region: string;
  vpcId: string;
  imageId: string;
  subnetIds: readonly string[];
}

/** The first of each region is its bastion; of the others every eighth shares its name with the next. */
function crowdInstance(
  index: number,
  { region, vpcId, imageId, subnetIds }: Network,
  nowMs: number,
): Ec2Instance {
  const isBastion = index === 0;
  const role = ROLES[index % ROLES.length] ?? 'web';
  const number = index % 16 === 8 ? index + 8 : index;
  return {
    instanceId: randomResourceId('i'),
    reservationId: randomResourceId('r'),
    imageId,
    instanceType: 'm7g.large',
    state: !isBastion && index % SHARE.stopped === 0 ? 'stopped' : 'running',
    region,
    availabilityZone: `${region}${'abc'[index % 3]}`,
    vpcId,
    subnetId: subnetIds[Math.floor(index / PER_SUBNET)] ?? '',
    privateIpAddress: `10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
    launchTimeMs: nowMs - 86_400_000,
    isSimulated: true,
    ...(!isBastion && index % SHARE.windows === 0 ? { platform: 'windows' } : {}),
    tags: {
      Name: isBastion ? `${SEED.bastionName}-${region}` : `${role}-${number}-${region}`,
      Environment: 'crowd',
      Role: isBastion ? SEED.bastionName : role,
      'aws:autoscaling:groupName': `${role}-${region}`,
      Owner: 'platform',
    },
  };
}

function crowdNode(instance: Ec2Instance, isOffline: boolean, nowMs: number): ManagedNode {
  const isWindows = instance.platform === 'windows';
  return {
    instanceId: instance.instanceId,
    region: instance.region,
    pingStatus: isOffline ? 'ConnectionLost' : 'Online',
    lastPingAtMs: isOffline ? nowMs - 3_600_000 : nowMs,
    agentVersion: SEED.agentVersion,
    platformType: isWindows ? 'Windows' : 'Linux',
    platformName: isWindows ? 'Microsoft Windows Server 2022 Datacenter' : 'Amazon Linux',
    platformVersion: isWindows ? '10.0.20348' : '2023',
    resourceType: 'EC2Instance',
    ipAddress: instance.privateIpAddress,
    computerName: `ip-${instance.privateIpAddress.replaceAll('.', '-')}.ec2.internal`,
  };
}
