import { createHash, createPublicKey, randomUUID, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Activation, ManagedNode, SandboxAccount } from './account.ts';
import { randomActivationCode, randomResourceId } from './identifiers.ts';
import { ServiceError } from './service-error.ts';

/** Standard nodes of one account in one region. */
const STANDARD_NODE_LIMIT = 1000;
const MIN_KEY_BITS = 2048;
/** An agent reports every five minutes; one that missed several reports is not there. */
const SILENT_AFTER_MS = 15 * 60_000;

/** What lets Session Manager reach hybrid nodes, and more than 1000 of them exist. */
export type NodeTier = 'standard' | 'advanced';

export type NewActivation = Omit<
  Activation,
  'activationId' | 'activationCode' | 'registrationsCount' | 'createdAtMs'
>;

/** What a machine shows when it registers. */
export interface Registration {
  activationId: string;
  activationCode: string;
  /** Base64 of a DER SubjectPublicKeyInfo. */
  publicKey: string;
  fingerprint: string;
}

/** What an agent tells of its node. */
export type NodeReport = Partial<
  Pick<
    ManagedNode,
    | 'agentVersion'
    | 'computerName'
    | 'ipAddress'
    | 'platformName'
    | 'platformType'
    | 'platformVersion'
  >
>;

interface Identity {
  publicKey: KeyObject;
  fingerprint: string;
}

/** Machines outside EC2: the activations they register by, and how each proves who it is. */
export class HybridNodes {
  readonly #account: SandboxAccount;
  readonly #now: () => number;
  readonly #identities = new Map<string, Identity>();
  readonly #tiers = new Map<string, NodeTier>();

  /** @param tier that of the account's own region; it is `standard` everywhere else */
  constructor(account: SandboxAccount, { now, tier }: { now: () => number; tier: NodeTier }) {
    this.#account = account;
    this.#now = now;
    this.#tiers.set(account.region, tier);
  }

  tier(region: string): NodeTier {
    return this.#tiers.get(region) ?? 'standard';
  }

  setTier(region: string, tier: NodeTier): void {
    this.#tiers.set(region, tier);
  }

  activate(wanted: NewActivation): Activation {
    const activation = {
      ...wanted,
      activationId: randomUUID(),
      activationCode: randomActivationCode(),
      registrationsCount: 0,
      createdAtMs: this.#now(),
    };
    this.#account.activations.push(activation);
    return activation;
  }

  activations(region: string): Activation[] {
    return this.#account.activations.filter((activation) => activation.region === region);
  }

  /** Nodes that registered by it stay. */
  deleteActivation(activationId: string): void {
    remove(this.#account.activations, (each) => each.activationId === activationId);
  }

  isExpired({ expiresAtMs }: Activation): boolean {
    return this.#now() >= expiresAtMs;
  }

  /**
   * Makes a machine a node.
   *
   * @throws ServiceError InvalidActivation, ActivationExpired, RegistrationLimitExceeded,
   *   InvalidPublicKey
   */
  register(registration: Registration): ManagedNode {
    const activation = this.#account.activations.find(
      ({ activationId }) => activationId === registration.activationId,
    );
    if (
      activation === undefined ||
      !isSame(activation.activationCode, registration.activationCode)
    ) {
      throw new ServiceError('InvalidActivation', '');
    }
    if (this.isExpired(activation)) throw new ServiceError('ActivationExpired', '');
    if (activation.registrationsCount >= activation.registrationLimit) {
      throw new ServiceError('RegistrationLimitExceeded', '');
    }
    const { region } = activation;
    if (this.tier(region) === 'standard' && this.#nodes(region).length >= STANDARD_NODE_LIMIT) {
      throw new ServiceError('RegistrationLimitExceeded', '');
    }
    const publicKey = readPublicKey(registration.publicKey);
    const node = this.#newNode(activation);
    this.#identities.set(node.instanceId, { publicKey, fingerprint: registration.fingerprint });
    this.#account.nodes.push(node);
    replace(this.#account.activations, activation, {
      ...activation,
      registrationsCount: activation.registrationsCount + 1,
    });
    return node;
  }

  /** The key that a node signs with; undefined for what never registered here. */
  publicKeyOf(instanceId: string): KeyObject | undefined {
    return this.#identities.get(instanceId)?.publicKey;
  }

  /** @throws ServiceError MachineFingerprintDoesNotMatch for another machine with a node's key */
  checkFingerprint(instanceId: string, fingerprint: string): void {
    if (this.#identities.get(instanceId)?.fingerprint === fingerprint) return;
    throw new ServiceError('MachineFingerprintDoesNotMatch', '');
  }

  /** @throws ServiceError InvalidPublicKey */
  replacePublicKey(instanceId: string, publicKey: string): void {
    const identity = this.#identities.get(instanceId);
    if (identity !== undefined) identity.publicKey = readPublicKey(publicKey);
  }

  /** @throws ServiceError InvalidInstanceId for what is no hybrid node of the region */
  node(instanceId: string, region: string): ManagedNode {
    const node = this.#nodes(region).find((each) => each.instanceId === instanceId);
    if (node !== undefined) return node;
    throw new ServiceError('InvalidInstanceId', '', 400, {
      Message: `Managed instance with id ${instanceId} does not exist.`,
    });
  }

  /** Puts a changed node in the place of what it was. */
  update(node: ManagedNode, changes: Partial<ManagedNode>): void {
    replace(this.#account.nodes, node, { ...node, ...changes });
  }

  report(node: ManagedNode, report: NodeReport): void {
    this.update(node, { ...report, pingStatus: 'Online', lastPingAtMs: this.#now() });
  }

  /** The node as it is now: its status follows from when its agent reported. */
  present(node: ManagedNode): ManagedNode {
    const reportsItself = this.#identities.has(node.instanceId) && node.pingStatus === 'Online';
    if (!reportsItself || this.#now() - node.lastPingAtMs < SILENT_AFTER_MS) return node;
    return { ...node, pingStatus: 'ConnectionLost' };
  }

  deregister(node: ManagedNode): void {
    remove(this.#account.nodes, (each) => each === node);
    this.#identities.delete(node.instanceId);
  }

  #nodes(region: string): ManagedNode[] {
    return this.#account.nodes.filter(
      (node) => node.resourceType === 'ManagedInstance' && node.region === region,
    );
  }

  /** Its agent has said nothing yet. */
  #newNode({ region, activationId, iamRole, defaultInstanceName, tags }: Activation): ManagedNode {
    const nowMs = this.#now();
    return {
      instanceId: randomResourceId('mi'),
      region,
      pingStatus: 'Inactive',
      lastPingAtMs: nowMs,
      agentVersion: undefined,
      platformType: undefined,
      platformName: undefined,
      platformVersion: undefined,
      resourceType: 'ManagedInstance',
      ipAddress: undefined,
      computerName: undefined,
      tags,
      activation: {
        activationId,
        iamRole,
        name: defaultInstanceName ?? '',
        registeredAtMs: nowMs,
      },
    };
  }
}

function readPublicKey(base64: string): KeyObject {
  try {
    const key = createPublicKey({
      key: Buffer.from(base64, 'base64'),
      format: 'der',
      type: 'spki',
    });
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (key.asymmetricKeyType === 'rsa' && bits >= MIN_KEY_BITS) return key;
  } catch {
    // Said below.
  }
  throw new ServiceError('InvalidPublicKey', '');
}

function isSame(expected: string, given: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(expected), digest(given));
}

function replace<T>(list: T[], old: T, changed: T): void {
  const at = list.indexOf(old);
  if (at >= 0) list[at] = changed;
}

function remove<T>(list: T[], isMeant: (item: T) => boolean): void {
  const at = list.findIndex(isMeant);
  if (at >= 0) list.splice(at, 1);
}
