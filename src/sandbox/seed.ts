import { randomUUID } from 'node:crypto';
import type {
  Activation,
  Ec2Instance,
  IamRole,
  IamUser,
  ManagedNode,
  SandboxAccount,
} from './account.ts';
import {
  randomActivationCode,
  randomIamId,
  randomMfaSeed,
  randomResourceId,
  randomSecretKey,
} from './identifiers.ts';

const ACCOUNT_ID = '123456789012';
const DAY_MS = 86_400_000;

/** The names that the demo, the documentation and the tests go by. */
export const SEED = {
  userName: 'alice',
  adminRoleName: 'devaccess-admin',
  readerRoleName: 'devaccess-reader',
  partnerRoleName: 'devaccess-partner',
  partnerExternalId: 'devaccess-example',
  machineRoleName: 'devaccess-machine',
  nodeRoleName: 'devaccess-hybrid-nodes',
  agentVersion: '3.3.987.0',
  kmsAlias: 'alias/devaccess-sessions',
  bastionName: 'bastion',
} as const;

interface SeedOptions {
  /** Where the seeded resources live. Default `us-east-1`. */
  region?: string;
  nowMs: number;
}

/**
 * A fresh account. Names and addresses are always the same; every id, key and seed is random,
 * so that nothing of one sandbox is of use in another.
 */
export function seedAccount({ region = 'us-east-1', nowMs }: SeedOptions): SandboxAccount {
  const user = seedUser(nowMs);
  const roles = seedRoles(user);
  const instances = seedInstances(region, nowMs);
  const activation = seedActivation(region, nowMs);
  const kmsKeyId = randomUUID();
  return {
    accountId: ACCOUNT_ID,
    region,
    users: [user],
    roles,
    instances,
    nodes: seedNodes(instances, activation, region, nowMs),
    activations: [activation],
    kmsKeys: [
      {
        keyId: kmsKeyId,
        arn: `arn:aws:kms:${region}:${ACCOUNT_ID}:key/${kmsKeyId}`,
        region,
        aliases: [SEED.kmsAlias],
        createdAtMs: nowMs - 30 * DAY_MS,
      },
    ],
  };
}

function seedUser(nowMs: number): IamUser {
  return {
    userName: SEED.userName,
    userId: randomIamId('AIDA'),
    arn: `arn:aws:iam::${ACCOUNT_ID}:user/${SEED.userName}`,
    createdAtMs: nowMs - 90 * DAY_MS,
    accessKeys: [
      {
        accessKeyId: randomIamId('AKIA'),
        secretAccessKey: randomSecretKey(),
        createdAtMs: nowMs - 30 * DAY_MS,
        status: 'Active',
      },
    ],
    mfaDevices: [
      {
        serialNumber: `arn:aws:iam::${ACCOUNT_ID}:mfa/${SEED.userName}`,
        base32Seed: randomMfaSeed(),
        enabledAtMs: nowMs - 90 * DAY_MS,
      },
    ],
  };
}

/**
 * One role of the longest session and one of the shortest, the second reached by chaining; one as
 * partners give it, which asks for an external id and no MFA; one for machines with certificates,
 * and that of hybrid nodes.
 */
function seedRoles(user: IamUser): IamRole[] {
  const roleArn = (name: string): string => `arn:aws:iam::${ACCOUNT_ID}:role/${name}`;
  return [
    {
      roleName: SEED.adminRoleName,
      roleId: randomIamId('AROA'),
      arn: roleArn(SEED.adminRoleName),
      maxSessionDurationS: 43_200,
      trustedArns: [user.arn],
      requiresMfa: true,
    },
    {
      roleName: SEED.readerRoleName,
      roleId: randomIamId('AROA'),
      arn: roleArn(SEED.readerRoleName),
      maxSessionDurationS: 3600,
      trustedArns: [user.arn, roleArn(SEED.adminRoleName)],
      requiresMfa: true,
    },
    {
      roleName: SEED.partnerRoleName,
      roleId: randomIamId('AROA'),
      arn: roleArn(SEED.partnerRoleName),
      maxSessionDurationS: 7200,
      trustedArns: [user.arn],
      requiresMfa: false,
      externalId: SEED.partnerExternalId,
    },
    {
      roleName: SEED.machineRoleName,
      roleId: randomIamId('AROA'),
      arn: roleArn(SEED.machineRoleName),
      maxSessionDurationS: 43_200,
      trustedArns: [],
      trustedServices: ['rolesanywhere.amazonaws.com'],
      requiresMfa: false,
    },
    {
      roleName: SEED.nodeRoleName,
      roleId: randomIamId('AROA'),
      arn: roleArn(SEED.nodeRoleName),
      maxSessionDurationS: 3600,
      trustedArns: [],
      trustedServices: ['ssm.amazonaws.com'],
      requiresMfa: false,
    },
  ];
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
