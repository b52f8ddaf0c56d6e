import type { IamGroup, IamRole, IamUser, ManagedPolicy, MfaDevice } from './iam/entities.ts';

type InstanceState =
  'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';

export interface Ec2Instance {
  readonly instanceId: string;
  readonly reservationId: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly state: InstanceState;
  readonly region: string;
  readonly availabilityZone: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly privateIpAddress: string;
  readonly publicIpAddress?: string;
  readonly keyName?: string;
  /** EC2 names a platform for Windows only. */
  readonly platform?: 'windows';
  readonly instanceProfile?: {
    readonly arn: string;
    readonly id: string;
    readonly roleName: string;
  };
  readonly launchTimeMs: number;
  readonly tags: Readonly<Record<string, string>>;
  /** There in name alone: nothing listens. */
  readonly isSimulated?: true;
}

/** A node as Systems Manager lists it: an EC2 instance or a hybrid node (`mi-…`). */
export interface ManagedNode {
  readonly instanceId: string;
  readonly region: string;
  readonly pingStatus: 'Online' | 'ConnectionLost' | 'Inactive';
  readonly lastPingAtMs: number;
  /** What an agent reports is unknown until it has. */
  readonly agentVersion: string | undefined;
  readonly platformType: 'Linux' | 'Windows' | 'MacOS' | undefined;
  readonly platformName: string | undefined;
  readonly platformVersion: string | undefined;
  readonly resourceType: 'EC2Instance' | 'ManagedInstance';
  readonly ipAddress: string | undefined;
  readonly computerName: string | undefined;
  /** Hybrid nodes only: an EC2 node carries the instance's tags. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Hybrid nodes that are things of AWS IoT. */
  readonly thingName?: string;
  /** Hybrid nodes only: what the activation said. */
  readonly activation?: {
    readonly activationId: string;
    readonly iamRole: string;
    readonly name: string;
    readonly registeredAtMs: number;
  };
}

/** Lets machines outside EC2 register as nodes (CreateActivation). */
export interface Activation {
  readonly activationId: string;
  /** Given out once, when it is created. */
  readonly activationCode: string;
  readonly region: string;
  readonly iamRole: string;
  readonly description: string | undefined;
  readonly defaultInstanceName: string | undefined;
  readonly registrationLimit: number;
  readonly registrationsCount: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** What a node that registers by it is tagged with. */
  readonly tags: Readonly<Record<string, string>>;
}

/** A symmetric KMS key; its material lives in the KMS service alone. */
export interface KmsKey {
  readonly keyId: string;
  readonly arn: string;
  readonly region: string;
  readonly aliases: readonly string[];
  readonly createdAtMs: number;
}

/** The whole account that one sandbox serves. */
export interface SandboxAccount {
  readonly accountId: string;
  /** The region the seeded resources live in; other regions are empty, as in a real account. */
  readonly region: string;
  /** IAM's lists change while the sandbox runs; what else is here stays as seeded. */
  readonly users: IamUser[];
  readonly groups: IamGroup[];
  readonly roles: IamRole[];
  /** Policies of the account's own; those of AWS are in iam/aws-managed-policies.ts. */
  readonly policies: ManagedPolicy[];
  /** Virtual MFA devices that belong to nobody yet, or to nobody any more. */
  readonly unassignedDevices: MfaDevice[];
  readonly instances: readonly Ec2Instance[];
  /** Machines register and are deregistered while the sandbox runs (hybrid-nodes.ts). */
  readonly nodes: ManagedNode[];
  readonly activations: Activation[];
  readonly kmsKeys: readonly KmsKey[];
}
