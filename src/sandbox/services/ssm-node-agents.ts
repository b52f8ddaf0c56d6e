/** What the agents of hybrid nodes ask: to register, for their role's credentials, and to be listed. */
import type { SandboxAccount } from '../account.ts';
import type { CredentialStore, TemporaryCredentials } from '../credential-store.ts';
import { denialOf } from '../iam/denial.ts';
import type { HybridNodes, NodeReport } from '../hybrid-nodes.ts';
import type { JsonInput } from '../http/json-input.ts';
import type { JsonOperation, SelfCheckedOperation } from '../http/json-protocol.ts';
import { verifyNodeSignature } from '../http/node-signature.ts';
import { ACTIVATION_ID, nodeRole } from './ssm-activations.ts';
import { targetArn } from './ssm-access.ts';

const PUBLIC_KEY = { min: 392 } as const;
const PUBLIC_KEY_TYPE = { oneOf: ['Rsa'] } as const;
const TOKEN_LIFE_S = 3600;
const INSTANCE_ID = /^(mi-[0-9a-f]{17}|i-[0-9a-f]{8,17})$/;

export interface NodeAgentOptions {
  account: SandboxAccount;
  credentials: CredentialStore;
  hybridNodes: HybridNodes;
  now: () => number;
}

/** RegisterManagedInstance, RequestManagedInstanceRoleToken, UpdateManagedInstancePublicKey. */
export function selfCheckedNodeOperations(
  options: NodeAgentOptions,
): Record<string, SelfCheckedOperation> {
  return {
    RegisterManagedInstance: registerManagedInstance(options),
    RequestManagedInstanceRoleToken: requestRoleToken(options),
    UpdateManagedInstancePublicKey: updatePublicKey(options),
  };
}

/** Nobody signs it: the activation code is what counts. */
function registerManagedInstance({ hybridNodes }: NodeAgentOptions): SelfCheckedOperation {
  return (input) => {
    const registration = {
      activationId: input.requiredText('ActivationId', { pattern: ACTIVATION_ID }),
      activationCode: input.requiredText('ActivationCode', { min: 20, max: 250 }),
      publicKey: input.requiredText('PublicKey', PUBLIC_KEY),
      fingerprint: input.requiredText('Fingerprint', { min: 1 }),
    };
    input.text('PublicKeyType', PUBLIC_KEY_TYPE);
    input.check();
    return { InstanceId: hybridNodes.register(registration).instanceId };
  };
}

function requestRoleToken(options: NodeAgentOptions): SelfCheckedOperation {
  const { hybridNodes, now } = options;
  return (input, request) => {
    const node = verified(request, hybridNodes, now);
    const fingerprint = input.requiredText('Fingerprint', { min: 1 });
    input.check();
    hybridNodes.checkFingerprint(node.instanceId, fingerprint);
    const issued = issueNodeCredentials(options, node);
    return {
      AccessKeyId: issued.accessKeyId,
      SecretAccessKey: issued.secretAccessKey,
      SessionToken: issued.sessionToken,
      TokenExpirationDate: issued.expiresAtMs / 1000,
      UpdateKeyPair: false,
    };
  };
}

/** Credentials of a hybrid node's role, under the node's id. */
export function issueNodeCredentials(
  { account, credentials, hybridNodes }: NodeAgentOptions,
  { instanceId, region }: { instanceId: string; region: string },
): TemporaryCredentials {
  const role = nodeRole(account, hybridNodes.node(instanceId, region).activation?.iamRole ?? '');
  return credentials.issue(
    {
      accountId: account.accountId,
      arn: `arn:aws:sts::${account.accountId}:assumed-role/${role.roleName}/${instanceId}`,
      userId: `${role.roleId}:${instanceId}`,
      name: instanceId,
      kind: 'role-session',
      mfaAuthenticated: false,
      roleArn: role.arn,
    },
    TOKEN_LIFE_S,
  );
}

function updatePublicKey({ hybridNodes, now }: NodeAgentOptions): SelfCheckedOperation {
  return (input, request) => {
    const { instanceId } = verified(request, hybridNodes, now);
    const publicKey = input.requiredText('NewPublicKey', PUBLIC_KEY);
    input.requiredText('NewPublicKeyType', PUBLIC_KEY_TYPE);
    input.check();
    hybridNodes.replacePublicKey(instanceId, publicKey);
    return {};
  };
}

function verified(
  request: Parameters<SelfCheckedOperation>[1],
  hybridNodes: HybridNodes,
  now: () => number,
) {
  const publicKeyOf = (instanceId: string) => hybridNodes.publicKeyOf(instanceId);
  return verifyNodeSignature(request, { publicKeyOf, nowMs: now() });
}

/** The agent's report, signed with its role's credentials: a node may speak for itself alone. */
export function updateInstanceInformation({
  account,
  hybridNodes,
}: NodeAgentOptions): JsonOperation {
  return (input, { caller, region }) => {
    const instanceId = input.requiredText('InstanceId', { pattern: INSTANCE_ID });
    const report = readReport(input);
    input.check();
    if (caller.kind !== 'role-session' || caller.name !== instanceId) {
      // No policy says so: the service ties the credentials of a node to it.
      const resource = targetArn(account, region, instanceId);
      const action = 'ssm:UpdateInstanceInformation';
      throw denialOf(caller, { action, resource }, { decision: 'implicitDeny' });
    }
    hybridNodes.report(hybridNodes.node(instanceId, region), report);
    return {};
  };
}

function readReport(input: JsonInput): NodeReport {
  const platformType = input.text('PlatformType', { oneOf: ['Windows', 'Linux', 'MacOS'] });
  const texts = {
    agentVersion: input.text('AgentVersion', { min: 5, pattern: /^\d{1,6}(\.\d{1,6}){3}$/ }),
    computerName: input.text('ComputerName', { min: 1, max: 255 }),
    ipAddress: input.text('IPAddress', { min: 1, max: 46 }),
    platformName: input.text('PlatformName', { max: 255 }),
    platformVersion: input.text('PlatformVersion', { max: 255 }),
    platformType: platformType as NodeReport['platformType'],
  };
  const told = Object.entries(texts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(told);
}
