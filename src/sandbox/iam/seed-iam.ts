import type { SandboxAccount } from '../account.ts';
import { randomIamId, randomMfaSeed, randomSecretKey } from '../identifiers.ts';
import { SEED } from '../seed-names.ts';
import { ADMINISTRATOR_ACCESS, MANAGED_INSTANCE_CORE } from './aws-managed-policies.ts';
import type {
  AccessKey,
  IamRole,
  IamUser,
  ManagedPolicy,
  PolicyHolder,
  StoredPolicy,
} from './entities.ts';
import { managedPolicy, policyOf, storedPolicy } from './stored-policy.ts';
import { seededPermissions } from './seeded-permissions.ts';

const DAY_MS = 86_400_000;

export interface IamSeedOptions {
  readonly accountId: string;
  readonly nowMs: number;
  /** Sessions, commands and roles ask for a one-time code. Default true. */
  readonly requireMfa?: boolean | undefined;
  /** Documents that no policy allows. Default: none. */
  readonly deniedDocuments?: readonly string[] | undefined;
  /** The person's policy, in the place of the seeded one. */
  readonly userPolicy?: object | undefined;
}

type SeededIam = Pick<
  SandboxAccount,
  'users' | 'groups' | 'roles' | 'policies' | 'unassignedDevices'
>;

/** The person, the administrator, and the roles: all that IAM holds in a fresh account. */
export function seedIam(options: IamSeedOptions): SeededIam {
  const { accountId: owner, nowMs, userPolicy } = options;
  const managed = (policyName: string, document: StoredPolicy): ManagedPolicy =>
    managedPolicy({ owner, path: '/', policyName, document, nowMs: nowMs - 90 * DAY_MS });
  const forPerson = managed(
    SEED.userPolicyName,
    userPolicy === undefined
      ? policyOf(seededPermissions({ ...options, for: 'user' }))
      : storedPolicy(JSON.stringify(userPolicy, undefined, 2)),
  );
  // The code was asked for when the role was assumed: its sessions do not know of it.
  const forRoles = managed(
    SEED.rolePolicyName,
    policyOf(seededPermissions({ ...options, for: 'role' })),
  );
  const person = seedPerson(options, forPerson);
  return {
    users: [person, seedAdministrator(options)],
    groups: [],
    roles: seedRoles(options, person, forRoles),
    policies: [forPerson, forRoles],
    unassignedDevices: [],
  };
}

function seedPerson(options: IamSeedOptions, policy: ManagedPolicy): IamUser {
  const { accountId, nowMs } = options;
  return {
    ...seedUser(SEED.userName, options, 90),
    attachedPolicies: new Set([policy]),
    mfaDevices: [
      {
        serialNumber: `arn:aws:iam::${accountId}:mfa/${SEED.userName}`,
        base32Seed: randomMfaSeed(),
        enabledAtMs: nowMs - 90 * DAY_MS,
        driftSteps: 0,
      },
    ],
  };
}

/** Who sets up users and policies: long-term keys that may do everything, without a device. */
function seedAdministrator(options: IamSeedOptions): IamUser {
  return {
    ...seedUser(SEED.administratorName, options, 400),
    attachedPolicies: new Set([ADMINISTRATOR_ACCESS]),
  };
}

function seedUser(
  userName: string,
  { accountId, nowMs }: IamSeedOptions,
  ageDays: number,
): IamUser {
  return {
    ...holder(`arn:aws:iam::${accountId}:user/${userName}`, nowMs - ageDays * DAY_MS),
    userName,
    userId: randomIamId('AIDA'),
    tags: new Map(),
    groups: new Set(),
    accessKeys: [newKey(nowMs - 30 * DAY_MS)],
    mfaDevices: [],
  };
}

function newKey(createdAtMs: number): AccessKey {
  return {
    accessKeyId: randomIamId('AKIA'),
    secretAccessKey: randomSecretKey(),
    createdAtMs,
    status: 'Active',
  };
}

function holder(arn: string, createdAtMs: number): PolicyHolder {
  return { path: '/', arn, createdAtMs, inlinePolicies: new Map(), attachedPolicies: new Set() };
}

/**
 * One role of the longest session and one of the shortest, the second reached by chaining; one as
 * partners give it, which asks for an external id and no MFA; one for machines with certificates, and
 * those of hybrid nodes and of instances.
 */
function seedRoles(
  options: IamSeedOptions,
  { arn: userArn }: IamUser,
  policy: ManagedPolicy,
): IamRole[] {
  const { accountId, nowMs, requireMfa = true } = options;
  const withMfa = requireMfa
    ? { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }
    : {};
  const trust = (principalArn: string, more: object = {}): object => ({
    Effect: 'Allow',
    Principal: { AWS: principalArn },
    Action: 'sts:AssumeRole',
    ...more,
  });
  const roleArn = (name: string): string => `arn:aws:iam::${accountId}:role/${name}`;
  const role = (
    roleName: string,
    maxSessionDurationS: number,
    statements: readonly object[],
    permissions: ManagedPolicy = policy,
  ): IamRole => ({
    ...holder(roleArn(roleName), nowMs - 90 * DAY_MS),
    roleName,
    roleId: randomIamId('AROA'),
    tags: new Map(),
    attachedPolicies: new Set([permissions]),
    trustPolicy: policyOf(statements, 'trust'),
    description: undefined,
    maxSessionDurationS,
  });
  return [
    role(SEED.adminRoleName, 43_200, [trust(userArn, withMfa)]),
    role(SEED.readerRoleName, 3600, [trust(userArn, withMfa), trust(roleArn(SEED.adminRoleName))]),
    role(SEED.partnerRoleName, 7200, [
      trust(userArn, {
        Condition: { StringEquals: { 'sts:ExternalId': SEED.partnerExternalId } },
      }),
    ]),
    role(SEED.machineRoleName, 43_200, [
      {
        Effect: 'Allow',
        Principal: { Service: 'rolesanywhere.amazonaws.com' },
        Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
      },
    ]),
    role(
      SEED.nodeRoleName,
      3600,
      [{ Effect: 'Allow', Principal: { Service: 'ssm.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      MANAGED_INSTANCE_CORE,
    ),
    role(
      SEED.instanceRoleName,
      3600,
      [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      MANAGED_INSTANCE_CORE,
    ),
  ];
}
