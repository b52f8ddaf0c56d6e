import type { Policy } from '../iam-policy/policy-document.ts';

/** A policy document as it was given, and as it is evaluated. */
export interface StoredPolicy {
  readonly text: string;
  readonly policy: Policy;
}

export interface PolicyVersion extends StoredPolicy {
  /** `v1`, `v2`, … */
  readonly versionId: string;
  readonly createdAtMs: number;
}

export interface ManagedPolicy {
  readonly policyName: string;
  readonly policyId: string;
  readonly path: string;
  readonly arn: string;
  readonly description: string | undefined;
  readonly createdAtMs: number;
  updatedAtMs: number;
  /** Oldest first. */
  versions: PolicyVersion[];
  defaultVersionId: string;
  /** Numbers of deleted versions are not given again. */
  lastVersion: number;
  readonly tags: Map<string, string>;
}

/** What policies are attached to: users, groups, roles. */
export interface PolicyHolder {
  readonly path: string;
  readonly arn: string;
  readonly createdAtMs: number;
  /** Inline policies by name. */
  readonly inlinePolicies: Map<string, StoredPolicy>;
  readonly attachedPolicies: Set<ManagedPolicy>;
}

/** A long-term access key of an IAM user. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly createdAtMs: number;
  /** UpdateAccessKey changes it. */
  status: 'Active' | 'Inactive';
  /** The last call that was signed with it. */
  lastUsed?: { readonly atMs: number; readonly service: string; readonly region: string };
}

/**
 * An MFA device. A virtual one is RFC 6238 with SHA-1, six digits, 30 seconds, as AWS's are; a
 * security key (`…:u2f/…`) has no codes.
 */
export interface MfaDevice {
  readonly serialNumber: string;
  readonly base32Seed: string;
  /** While it is assigned to a user. */
  enabledAtMs: number | undefined;
  /** How many 30 s steps its clock is ahead, as EnableMFADevice and ResyncMFADevice found it. */
  driftSteps: number;
}

export interface IamUser extends PolicyHolder {
  readonly userName: string;
  readonly userId: string;
  readonly tags: Map<string, string>;
  readonly groups: Set<IamGroup>;
  accessKeys: AccessKey[];
  mfaDevices: MfaDevice[];
  permissionsBoundary?: ManagedPolicy | undefined;
}

export interface IamGroup extends PolicyHolder {
  readonly groupName: string;
  readonly groupId: string;
}

export interface IamRole extends PolicyHolder {
  readonly roleName: string;
  readonly roleId: string;
  readonly tags: Map<string, string>;
  trustPolicy: StoredPolicy;
  description: string | undefined;
  maxSessionDurationS: number;
  permissionsBoundary?: ManagedPolicy | undefined;
}

/** The version that counts. */
export function defaultVersion({ versions, defaultVersionId }: ManagedPolicy): PolicyVersion {
  const version = versions.find(({ versionId }) => versionId === defaultVersionId);
  if (version === undefined) throw new Error(`there is no version ${defaultVersionId}`);
  return version;
}
