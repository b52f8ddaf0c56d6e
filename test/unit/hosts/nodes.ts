import { fleetOptions } from '../../../src/hosts/fleet.ts';
import type { FleetWishes } from '../../../src/hosts/fleet.ts';
import type { InventoryNode } from '../../../src/hosts/host.ts';
import type { Inventory, InventorySource } from '../../../src/hosts/inventory.ts';
import type { SyncAccount } from '../../../src/hosts/read-accounts.ts';

export const id = (digit: string): string => `i-${digit.repeat(17)}`;

/** A running instance without an agent; in `vpc-1`. */
export function node(digit: string, changes: Partial<InventoryNode> = {}): InventoryNode {
  return {
    instanceId: id(digit),
    name: `server-${digit}`,
    tags: new Map(),
    state: 'running',
    vpcId: 'vpc-1',
    privateAddress: `10.0.0.${Number.parseInt(digit, 16)}`,
    platformName: undefined,
    isWindows: false,
    pingStatus: undefined,
    agentVersion: undefined,
    isHybrid: false,
    ...changes,
  };
}

export const ONLINE = { pingStatus: 'Online' };

export function inventory(nodes: InventoryNode[], knowsPingStatus = true): Inventory {
  return { nodes, notices: [], knowsPingStatus, knowsInstances: true };
}

const EMPTY: InventorySource = {
  instances: async function* () {
    // Nothing there.
  },
  managedNodes: async function* () {
    // Nothing there.
  },
};

/** An account as the config file and flags make one. */
export function account(wishes: FleetWishes = {}, changes: Partial<SyncAccount> = {}): SyncAccount {
  return {
    fleet: undefined,
    profile: 'default',
    proxyProfile: 'default',
    region: 'eu-west-1',
    options: fleetOptions(wishes),
    source: EMPTY,
    command: 'devaccess hosts sync',
    ...changes,
  };
}
