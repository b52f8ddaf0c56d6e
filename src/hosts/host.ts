import { isIP } from 'node:net';

/** A server as the inventory knows it: EC2 and SSM facts merged (8.2 of the hosts facts). */
export interface InventoryNode {
  instanceId: string;
  /** Tag `Name`, or for hybrid nodes the name they registered with. Untrusted text. */
  name: string | undefined;
  /** Those that were asked for. Untrusted text. */
  tags: ReadonlyMap<string, string>;
  /** EC2 instance state; undefined where EC2 does not know the node. */
  state: string | undefined;
  vpcId: string | undefined;
  /** IPv4, else the first IPv6. */
  privateAddress: string | undefined;
  /** `PlatformName` of SSM, else `PlatformDetails` of EC2. */
  platformName: string | undefined;
  isWindows: boolean;
  /** Ping status at SSM: `Online`, `ConnectionLost`, …; undefined where SSM does not know it. */
  pingStatus: string | undefined;
  agentVersion: string | undefined;
  /** Registered from outside EC2: `mi-…`, or a thing of AWS IoT. */
  isHybrid: boolean;
}

/** How ssh gets to a host behind the bastion: through its sshd, or through its agent alone. */
export type BastionRoute = 'jump' | 'remote-host';

/** How ssh gets to a host: through its own agent, or through the bastion. */
export type Route = 'direct' | BastionRoute;

/** A server that gets an entry in the SSH config. */
export interface HostEntry {
  alias: string;
  /** Of a fixed host that has none: its alias. */
  instanceId: string;
  route: Route;
  hostName: string;
  user: string | undefined;
  port: number;
  /** What it is reached through; undefined for its own agent. */
  bastion: BastionName | undefined;
}

/** A bastion as entries name it. */
export interface BastionName {
  /** Exactly as its own entry spells it: ssh compares case-sensitively. */
  alias: string;
  instanceId: string;
}

const INSTANCE_ID = /^(i-[0-9a-f]{8,17}|mi-[0-9a-f]{17})$/;

/** The only form of an id that may reach a ProxyCommand (8.4). */
export function isInstanceId(text: string): boolean {
  return INSTANCE_ID.test(text);
}

/** An IPv4 or IPv6 address; one with a zone is none that another host could use. */
export function isPlainAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

/** Whether it is behind a bastion: in its network, with an address there. */
export function isBehind(node: InventoryNode, bastion: InventoryNode): boolean {
  const isSameNetwork = node.vpcId !== undefined && node.vpcId === bastion.vpcId;
  return isSameNetwork && node.privateAddress !== undefined;
}

/** The value of a tag; that of Name is known of every instance. */
export function tagValue(node: InventoryNode, key: string): string | undefined {
  return node.tags.get(key) ?? (key === 'Name' ? node.name : undefined);
}

export function isOnline(node: InventoryNode): boolean {
  return node.pingStatus === 'Online';
}

/** `web (i-0abc…)`, for messages. */
export function nodeLabel(node: InventoryNode): string {
  return node.name === undefined ? node.instanceId : `${node.name} (${node.instanceId})`;
}

/** Nodes for a message; the first ten, and how many more. */
export function nodeList(nodes: readonly InventoryNode[]): string {
  const shown = nodes.slice(0, 10).map(nodeLabel).join(', ');
  return nodes.length > 10 ? `${shown} and ${nodes.length - 10} more` : shown;
}
