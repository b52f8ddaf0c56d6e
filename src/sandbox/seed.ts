import { randomUUID } from 'node:crypto';
import type { Activation, Ec2Instance, KmsKey, ManagedNode, SandboxAccount } from './account.ts';
import { crowd } from './crowd.ts';
import type { CrowdOptions } from './crowd.ts';
import { seedIam } from './iam/seed-iam.ts';
import type { IamSeedOptions } from './iam/seed-iam.ts';
import { randomActivationCode, randomIamId, randomResourceId } from './identifiers.ts';
import { SEED } from './seed-names.ts';

const ACCOUNT_ID = '123456789012';
const DAY_MS = 86_400_000;

export { SEED };

interface SeedOptions extends Omit<IamSeedOptions, 'accountId'> {
  /** Where the seeded resources live. Default `us-east-1`. */
  readonly region?: string | undefined;
  /** Servers in name alone, beside the seeded ones. Default: none. */
  readonly crowd?: Omit<CrowdOptions, 'nowMs'> | undefined;
}

/**
 * A fresh account. Names and addresses are always the same; every id, key and seed is random,
 * so that nothing of one sandbox is of use in another.
 */
export function seedAccount(options: SeedOptions): SandboxAccount {
  const { region = 'us-east-1', nowMs } = options;
  const instances = seedInstances(region, nowMs);
  const many = crowd({ servers: 0, regions: [region], ...options.crowd, nowMs });
  const activation = seedActivation(region, nowMs);
  return {
    accountId: ACCOUNT_ID,
    region,
    ...seedIam({ ...options, accountId: ACCOUNT_ID }),
    instances: [...instances, ...many.instances],
    nodes: [...seedNodes(instances, activation, region, nowMs), ...many.nodes],
    activations: [activation],
    kmsKeys: [SEED.kmsAlias, SEED.parameterKmsAlias].map((alias) => seedKey(alias, region, nowMs)),
  };
}

function seedKey(alias: string, region: string, nowMs: number): KmsKey {
  const keyId = randomUUID();
  return {
    keyId,
    arn: `arn:aws:kms:${region}:${ACCOUNT_ID}:key/${keyId}`,
    region,
    aliases: [alias],
    createdAtMs: nowMs - 30 * DAY_MS,
  };
}

function seedInstances(region: string, nowMs: number): Ec2Instance[] {
  const mainVpc = randomResourceId('vpc');
  const privateNetwork = { vpcId: mainVpc, subnetId: randomResourceId('subnet') };
  const imageId = randomResourceId('ami');
  const base = (name: string, privateIpAddress: string): Ec2Instance => ({
    instanceId: randomResourceId('i'),
    reservationId: randomResourceId('r'),
    imageId,
    instanceType: 't3.micro',
    state: 'running',
    region,
    availabilityZone: `${region}a`,
    ...privateNetwork,
    privateIpAddress,
    keyName: 'alice',
    launchTimeMs: nowMs - 7 * DAY_MS,
    tags: { Name: name, Environment: 'sandbox' },
  });
  return [
    {
      ...base(SEED.bastionName, '10.0.0.10'),
      subnetId: randomResourceId('subnet'),
      publicIpAddress: '203.0.113.10',
      instanceProfile: {
        arn: `arn:aws:iam::${ACCOUNT_ID}:instance-profile/bastion`,
        id: randomIamId('AIPA'),
        roleName: SEED.instanceRoleName,
      },
    },
    base('someserver', '10.0.1.10'),
    base('app-1', '10.0.1.11'),
    base('db-1', '10.0.1.12'),
    // The same Name twice, as an auto scaling group makes them.
    base('worker', '10.0.1.20'),
    base('worker', '10.0.1.21'),
    { ...base('old-build', '10.0.1.30'), state: 'stopped' },
    { ...base('win-1', '10.0.1.40'), platform: 'windows' },
    {
      ...base('elsewhere', '10.99.1.10'),
      vpcId: randomResourceId('vpc'),
      subnetId: randomResourceId('subnet'),
    },
  ];
}

/** The one by which the machine outside EC2 registered, used up and expired since. */
function seedActivation(region: string, nowMs: number): Activation {
  return {
    activationId: randomUUID(),
    activationCode: randomActivationCode(),
    region,
    iamRole: SEED.nodeRoleName,
    description: 'The office',
    defaultInstanceName: 'office-nas',
    registrationLimit: 1,
    registrationsCount: 1,
    createdAtMs: nowMs - 20 * DAY_MS,
    expiresAtMs: nowMs - 19 * DAY_MS,
    tags: { Environment: 'sandbox', Site: 'office' },
  };
}

/** Systems Manager knows the bastion and one machine outside EC2; the hosts behind are not in it. */
function seedNodes(
  instances: readonly Ec2Instance[],
  { activationId, tags }: Activation,
  region: string,
  nowMs: number,
): ManagedNode[] {
  const linux = {
    region,
    pingStatus: 'Online',
    lastPingAtMs: nowMs,
    agentVersion: SEED.agentVersion,
    platformType: 'Linux',
  } as const;
  const bastions = instances.filter(({ tags }) => tags.Name === SEED.bastionName);
  return [
    ...bastions.map((instance): ManagedNode => ({
      ...linux,
      instanceId: instance.instanceId,
      platformName: 'Amazon Linux',
      platformVersion: '2023',
      resourceType: 'EC2Instance',
      ipAddress: instance.privateIpAddress,
      computerName: privateDnsName(instance),
    })),
    {
      ...linux,
      instanceId: randomResourceId('mi'),
      platformName: 'Ubuntu',
      platformVersion: '24.04',
      resourceType: 'ManagedInstance',
      ipAddress: '192.168.1.50',
      computerName: 'office-nas',
      tags,
      activation: {
        activationId,
        iamRole: SEED.nodeRoleName,
        name: 'office-nas',
        registeredAtMs: nowMs - 20 * DAY_MS,
      },
    },
  ];
}

/** The address-based private DNS name; us-east-1 has a form of its own. */
export function privateDnsName(instance: Ec2Instance): string {
  const host = `ip-${instance.privateIpAddress.replaceAll('.', '-')}`;
  return instance.region === 'us-east-1'
    ? `${host}.ec2.internal`
    : `${host}.${instance.region}.compute.internal`;
}
