/** Reading the accounts of a sync, several at a time; one that fails does not spoil the others. */
import { DevaccessError } from '../platform/errors.ts';
import { limiter } from '../platform/limiter.ts';
import { bastionNotFound, namedBastions } from './bastion.ts';
import type { Bastions } from './bastion.ts';
import { wantedTags } from './fleet.ts';
import type { FleetOptions } from './fleet.ts';
import type { InventoryNode } from './host.ts';
import { readInventory } from './inventory.ts';
import type { Inventory, InventorySource } from './inventory.ts';
import { planRegion } from './plan.ts';
import type { RegionPlan } from './plan.ts';

/** One account in one region. */
export interface SyncAccount {
  /** A fleet of the config file; undefined for what flags and the environment say. */
  fleet: string | undefined;
  /** For people and file names. */
  profile: string;
  /** Written into ProxyCommand; undefined leaves it to the environment. */
  proxyProfile: string | undefined;
  region: string;
  options: FleetOptions;
  source: InventorySource;
  /** What writes its entries again. */
  command: string;
}

export interface PlannedAccount {
  account: SyncAccount;
  plan: RegionPlan;
  /** Any server of the account, also one that gets no entry. */
  nodeOf: (instanceId: string) => InventoryNode | undefined;
  /** Tells those that the account would have and has not. */
  isGone: (instanceId: string) => boolean;
  /** Whether Systems Manager was read, so that a server without agent has none. */
  knowsAgents: boolean;
}

/** A fleet, or a region of one, whose entries stay as they are. */
export interface AccountFailure {
  fleet: string | undefined;
  /** Undefined where it was not found out. */
  profile: string | undefined;
  region: string | undefined;
  error: DevaccessError;
}

export interface SyncProgress {
  accounts: number;
  accountsDone: number;
  instances: number;
  managedNodes: number;
}

/** What could be planned, and what could not. */
export interface ReadAccounts {
  planned: PlannedAccount[];
  failures: AccountFailure[];
}

interface ReadAccount {
  account: SyncAccount;
  inventory: Inventory;
}

/** What AWS said. */
export interface ReadInventories {
  read: readonly ReadAccount[];
  failures: readonly AccountFailure[];
}

/** Lists that are read at a time, over all accounts and regions (8.1). */
const AT_ONCE = 4;

/**
 * Reads and plans every account.
 *
 * @throws what is not an error for a person
 */
export async function readAccounts(
  accounts: readonly SyncAccount[],
  onProgress: (progress: SyncProgress) => void,
): Promise<ReadAccounts> {
  return planAccounts(accounts, await readInventories(accounts, onProgress));
}

/** @throws what is not an error for a person */
export function planAccounts(
  accounts: readonly SyncAccount[],
  { read, failures: unreadable }: ReadInventories,
): ReadAccounts {
  const failures = [...unreadable];
  const unread = new Set(failures.map(({ fleet }) => fleet));
  const planned: PlannedAccount[] = [];
  for (const { account, inventory } of read) {
    const { fleet, options } = account;
    const siblings = read.filter((other) => other.account.fleet === fleet);
    try {
      const bastions = bastionsOf(account, inventory, siblings, unread.has(fleet));
      const plan = planRegion(inventory, bastions, options);
      planned.push({ account, plan, ...presence(inventory) });
    } catch (error) {
      failures.push(failureOf(account, error));
    }
  }
  // As they come back in any order.
  failures.sort((one, other) => place(accounts, one) - place(accounts, other));
  return { planned, failures };
}

function presence({
  nodes,
  knowsInstances,
  knowsPingStatus,
}: Inventory): Omit<PlannedAccount, 'account' | 'plan'> {
  const byId = new Map(nodes.map((node) => [node.instanceId, node]));
  const isTold = (id: string): boolean => (id.startsWith('mi-') ? knowsPingStatus : knowsInstances);
  return {
    nodeOf: (id) => byId.get(id),
    isGone: (id) => !byId.has(id) && isTold(id),
    knowsAgents: knowsPingStatus,
  };
}

function place(accounts: readonly SyncAccount[], { fleet, region }: AccountFailure): number {
  return accounts.findIndex((account) => account.fleet === fleet && account.region === region);
}

/** @throws what is not an error for a person */
export async function readInventories(
  accounts: readonly SyncAccount[],
  onProgress: (progress: SyncProgress) => void,
): Promise<ReadInventories> {
  const failures: AccountFailure[] = [];
  const limit = limiter(AT_ONCE);
  const counts = accounts.map(() => ({ instances: 0, managedNodes: 0, isDone: false }));
  const tell = (): void => {
    const progress = { accounts: accounts.length, accountsDone: 0, instances: 0, managedNodes: 0 };
    for (const { instances, managedNodes, isDone } of counts) {
      progress.instances += instances;
      progress.managedNodes += managedNodes;
      if (isDone) progress.accountsDone += 1;
    }
    onProgress(progress);
  };
  const read = await Promise.all(
    accounts.map(async (account, at): Promise<ReadAccount | undefined> => {
      const count = counts[at];
      try {
        const inventory = await readInventory(account.source, {
          wantsTag: wantedTags(account.options),
          limit,
          onProgress: (now) => {
            Object.assign(count ?? {}, now);
            tell();
          },
        });
        return { account, inventory };
      } catch (error) {
        failures.push(failureOf(account, error));
        return undefined;
      } finally {
        Object.assign(count ?? {}, { isDone: true });
        tell();
      }
    }),
  );
  return { read: read.filter((each) => each !== undefined), failures };
}

/**
 * The bastions that the person named. One is in one region: where another region of the fleet has it,
 * or could not be read, this one goes without.
 */
function bastionsOf(
  { options }: SyncAccount,
  inventory: Inventory,
  siblings: readonly ReadAccount[],
  isAnyUnread: boolean,
): Bastions | undefined {
  const { bastion, route } = options;
  if (bastion === undefined || bastion === 'none' || route === 'direct') return undefined;
  const found = namedBastions(inventory, bastion);
  if (found !== undefined) return found;
  const inventories = siblings.map((sibling) => sibling.inventory);
  const isElsewhere = isAnyUnread || inventories.some((other) => hasBastion(other, bastion));
  if (!isElsewhere) throw bastionNotFound(bastion, inventories);
  return { nodes: [], notices: [] };
}

/** Also one that is there and cannot be used. */
function hasBastion(inventory: Inventory, selector: string): boolean {
  try {
    return namedBastions(inventory, selector) !== undefined;
  } catch {
    return true;
  }
}

function failureOf({ fleet, profile, region }: SyncAccount, error: unknown): AccountFailure {
  if (error instanceof DevaccessError) return { fleet, profile, region, error };
  throw error;
}
