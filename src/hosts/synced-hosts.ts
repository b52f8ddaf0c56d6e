/** Reading back what `hosts sync` wrote: names that other commands take, and how to reach them. */
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { isInstanceId } from './host.ts';
import type { Route } from './host.ts';
import { readOwnTexts } from './own-texts.ts';
import { hostBlocks, textOwner } from './ssh-config-file.ts';
import type { HostBlock, TextOwner } from './ssh-config-file.ts';
import { sshDirectives } from './ssh-files.ts';

/** A host as its entry says it is reached. */
export interface SyncedHost {
  alias: string;
  /** Of a fixed host that has none: its alias. */
  instanceId: string;
  /** The bastion's instance id, and the address behind it; undefined for a node of Systems Manager itself. */
  behind: { bastion: string; hostName: string } | undefined;
  profile: string | undefined;
  region: string | undefined;
  route: Route;
  /** Undefined leaves it to ssh. */
  user: string | undefined;
  /** Where its SSH server listens. */
  port: number;
}

/** A text that `hosts sync` wrote. */
export interface SyncedText {
  name: string;
  owner: TextOwner;
  hosts: SyncedHost[];
}

/** Every host that `hosts sync` wrote, in the order of texts and entries. */
export function readSyncedHosts(sshDirectory: string): SyncedHost[] {
  return readSyncedTexts(sshDirectory).flatMap(({ hosts }) => hosts);
}

/** The texts that `hosts sync` wrote, by name. */
export function readSyncedTexts(sshDirectory: string): SyncedText[] {
  return parseSyncedTexts(readOwnTexts(sshDirectory));
}

/** The node to start a session on, and what to reach from there. */
export interface Reach {
  target: string;
  /** Address that the node forwards to; undefined for the node itself. */
  remoteHost: string | undefined;
  profile: string | undefined;
  region: string | undefined;
}

/**
 * How a synced name or an instance id is reached. An id that was never synced is taken as a node of
 * Systems Manager.
 *
 * @throws DevaccessError DA_HOST_UNKNOWN, DA_HOST_AMBIGUOUS (exit 2)
 */
export function reachHost(name: string, hosts: readonly SyncedHost[]): Reach {
  const matching = hosts.filter((host) => host.alias === name || host.instanceId === name);
  const [first] = matching;
  if (first === undefined) {
    if (isInstanceId(name)) {
      return { target: name, remoteHost: undefined, profile: undefined, region: undefined };
    }
    throw unknown(name, hosts);
  }
  if (new Set(matching.map(({ instanceId }) => instanceId)).size > 1) {
    const ids = matching.map(
      ({ instanceId, profile }) => `${instanceId} (${profile ?? 'environment'})`,
    );
    throw new DevaccessError(
      'DA_HOST_AMBIGUOUS',
      `${name} is more than one host: ${ids.join(', ')}`,
      {
        next: 'use the instance id',
        exitCode: EXIT.usage,
      },
    );
  }
  const { behind, instanceId, profile, region } = first;
  return { target: behind?.bastion ?? instanceId, remoteHost: behind?.hostName, profile, region };
}

function unknown(name: string, hosts: readonly SyncedHost[]): DevaccessError {
  const near = hosts.map(({ alias }) => alias).filter((alias) => isNear(alias, name));
  const hint = near.length === 0 ? '' : `; there is ${near.slice(0, 5).join(', ')}`;
  return new DevaccessError('DA_HOST_UNKNOWN', `There is no host '${name}'${hint}`, {
    next: "run 'devaccess hosts sync', or give an instance id or tag:KEY=VALUE",
    exitCode: EXIT.usage,
  });
}

function isNear(alias: string, name: string): boolean {
  const [left, right] = [alias.toLowerCase(), name.toLowerCase()];
  return left.includes(right) || right.includes(left);
}

interface Entry {
  alias: string;
  instanceId: string;
  hostName: string | undefined;
  /** Alias of the host that ssh jumps through. */
  jump: string | undefined;
  /** Words of the ProxyCommand. */
  command: readonly string[];
  user: string | undefined;
  port: number;
}

/**
 * The hosts of texts that `hosts sync` wrote. A jump is through a host of the same text, for fixed
 * hosts also of another, with its account.
 */
export function parseSyncedTexts(texts: readonly { name: string; text: string }[]): SyncedText[] {
  const parsed = texts.map(({ name, text }) => ({
    name,
    owner: textOwner(text),
    entries: hostBlocks(text).map(parseEntry),
  }));
  const byAlias = new Map(
    parsed.flatMap(({ entries }) => entries.map((entry) => [entry.alias, entry])),
  );
  return parsed.map(({ name, owner, entries }) => {
    const here = new Map(entries.map((entry) => [entry.alias, entry]));
    const hosts = entries.flatMap((entry) => {
      const { jump = '' } = entry;
      return syncedHost(entry, here.get(jump) ?? byAlias.get(jump));
    });
    return { name, owner, hosts };
  });
}

function parseEntry({ alias, instanceId, text }: HostBlock): Entry {
  const settings = new Map(sshDirectives(text).map(({ keyword, words }) => [keyword, words]));
  const first = (keyword: string): string | undefined => settings.get(keyword)?.[0];
  const command = settings.get('proxycommand') ?? [];
  return {
    alias,
    instanceId,
    hostName: first('hostname'),
    jump: first('proxyjump') ?? proxyFlags(command).jump,
    command,
    user: first('user'),
    port: Number(first('port') ?? 22),
  };
}

function syncedHost(
  { alias, instanceId, hostName, jump, command, user, port }: Entry,
  bastion: Entry | undefined,
): SyncedHost[] {
  const login = { alias, instanceId, user, port };
  if (jump === undefined) {
    const { target, host, profile, region } = proxyFlags(command);
    if (target === undefined || host === undefined) {
      return [{ ...login, route: 'direct', behind: undefined, profile, region }];
    }
    const behind = { bastion: target, hostName: host };
    return [{ ...login, route: 'remote-host', behind, profile, region }];
  }
  if (bastion === undefined || hostName === undefined) return [];
  const behind = { bastion: bastion.instanceId, hostName };
  const { profile, region } = proxyFlags(bastion.command);
  return [{ ...login, route: 'jump', behind, profile, region }];
}

/** What a ProxyCommand of ours says; see proxy-command.ts. */
function proxyFlags(
  command: readonly string[],
): Record<'target' | 'host' | 'jump' | 'profile' | 'region', string | undefined> {
  const flag = (name: string): string | undefined => {
    const at = command.indexOf(`--${name}`);
    return at < 0 ? undefined : command[at + 1]?.replaceAll('%%', '%');
  };
  return {
    target: flag('target'),
    host: flag('host'),
    jump: flag('jump'),
    profile: flag('profile'),
    region: flag('region'),
  };
}
