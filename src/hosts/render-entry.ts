/** The text of one entry, put together from parts that each know one concern. */
import type { HostEntry } from './host.ts';
import { entryKey } from './login-keys.ts';
import type { LoginKeys } from './login-keys.ts';
import type { ProxyCommands } from './proxy-command.ts';

/** What the entries of one fleet have in common. */
export interface EntryStyle {
  proxyCommands: ProxyCommands;
  /** As ssh reads it; undefined leaves the choice of keys to ssh. */
  identityFile: string | undefined;
  /** A key that each connection brings; undefined: the person's keys alone. */
  keys: LoginKeys | undefined;
  /** How connections are shared; undefined: each for itself. */
  sharing: { controlPath: string; persist: string } | undefined;
}

/** Lines of an entry, each an option with its value, in the order of the parts. */
type EntryPart = (entry: HostEntry, style: EntryStyle) => string[];

/** Another concern is one more part here. */
const PARTS: readonly EntryPart[] = [address, hostKey, login, identity, way, sharing, keepAlive];

/**
 * An entry of ssh_config(5), with the alias first and the id last on its Host line. Every value is
 * one that cannot be read as anything else: ids, addresses, normalised names, checked users.
 */
export function renderEntry(entry: HostEntry, style: EntryStyle): string {
  const { alias, instanceId } = entry;
  const names = alias === instanceId ? alias : `${alias} ${instanceId}`;
  const options = PARTS.flatMap((part) => part(entry, style));
  return `Host ${names}\n${options.map((option) => `    ${option}\n`).join('')}`;
}

function address({ hostName }: HostEntry): string[] {
  return [`HostName ${hostName}`];
}

/** known_hosts then follows the server, not an address that another may get tomorrow. */
function hostKey({ instanceId }: HostEntry): string[] {
  return [`HostKeyAlias ${instanceId}`];
}

function login({ user, port }: HostEntry): string[] {
  return [
    ...(user === undefined ? [] : [`User ${user}`]),
    ...(port === 22 ? [] : [`Port ${port}`]),
  ];
}

/**
 * Of an agent with many keys the server would see too many tries before the right one; of ours, with
 * its one key, ssh takes it whatever the person's own lines say.
 */
function identity(entry: HostEntry, { identityFile, keys }: EntryStyle): string[] {
  const file =
    identityFile === undefined
      ? []
      : [`IdentityFile ${quoted(identityFile.replaceAll('%', '%%'))}`];
  const key = keys && entryKey(entry, keys);
  if (key === undefined) return file.length === 0 ? [] : [...file, 'IdentitiesOnly yes'];
  const agent =
    key.agent === undefined ? [] : [`IdentityAgent ${quoted(key.agent.replaceAll('%', '%%'))}`];
  return [...agent, ...file, 'IdentitiesOnly no'];
}

function way(entry: HostEntry, { proxyCommands, keys }: EntryStyle): string[] {
  const { route, bastion, hostName } = entry;
  const proxy = (command: string): string[] => [`ProxyCommand ${command}`, 'ProxyUseFdpass no'];
  const key = keys && entryKey(entry, keys);
  if (route === 'direct' || bastion === undefined) return proxy(proxyCommands.direct(key));
  if (route === 'remote-host') {
    return proxy(proxyCommands.through(bastion.instanceId, hostName, key));
  }
  if (key === undefined) return [`ProxyJump ${bastion.alias}`];
  return proxy(proxyCommands.jump(bastion.alias, key, keys?.configFile));
}

function sharing(_entry: HostEntry, style: EntryStyle): string[] {
  if (style.sharing === undefined) return [];
  const { controlPath, persist } = style.sharing;
  return ['ControlMaster auto', `ControlPath ${quoted(controlPath)}`, `ControlPersist ${persist}`];
}

/** A session that says nothing is ended by the service after 20 minutes. */
function keepAlive(): string[] {
  return ['ServerAliveInterval 15', 'ServerAliveCountMax 3'];
}

/** Paths here have no quotes and no backslashes. */
function quoted(path: string): string {
  return /[\s#=]/.test(path) ? `"${path}"` : path;
}
