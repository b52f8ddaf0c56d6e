/** Keys that each connection brings along, and gives to the server for a minute (docs/login-keys.md). */
import { join } from 'node:path';
import type { HostEntry } from './host.ts';
import { isInstanceId } from './host.ts';

export type KeyMethod = 'instance-connect' | 'run-command';
/** `auto`: EC2 Instance Connect for EC2 instances, Run Command for all other nodes. */
export type KeyChoice = 'auto' | KeyMethod;

export const KEY_ORIGINS = ['generated', 'agent'] as const;
export type KeyOrigin = (typeof KEY_ORIGINS)[number];

/** How the servers of a fleet get a key. */
export interface LoginKeys {
  choice: KeyChoice;
  /** Where the agent of each server's connections is; undefined: the key is of the person's own. */
  agentFolder: string | undefined;
  /** What ssh reads on the way through a jump host; undefined: the usual files. */
  configFile: string | undefined;
}

/** The name of a socket there: an id, the number of a process, and a word. */
const SOCKET_CHARS = 1 + 20 + 8 + 4;
/** Bytes of a Unix socket's path on every system, beside the NUL at its end. */
const MAX_PATH = 103;
/** A name that a shell reads as it is; also what Linux takes. */
const LOGIN_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,30}$/;

/** Where agents lie: in a folder of their own, as whoever can use one can log in. Else the reason. */
export function agentFolderOf(
  sshDirectory: string,
  platform = process.platform,
): { folder: string } | string {
  if (platform === 'win32') return 'OpenSSH for Windows takes no agent of its own for a server';
  const folder = join(sshDirectory, 'devaccess-agents');
  if (Buffer.byteLength(folder) + SOCKET_CHARS > MAX_PATH) {
    return `${folder} is too long for the path of a Unix socket`;
  }
  if (/["'\\`!\p{Cc}]|\$/u.test(folder)) return `${folder} cannot be written into an SSH config`;
  return { folder };
}

/** What one server's entry says of its key. */
export interface EntryKey {
  method: KeyMethod;
  node: string;
  /** Undefined: the name of whoever runs ssh. */
  user: string | undefined;
  /** Undefined: the person's own agent. */
  agent: string | undefined;
}

/** Undefined for a server that cannot be given a key this way. */
export function entryKey(
  { instanceId, user }: Pick<HostEntry, 'instanceId' | 'user'>,
  { choice, agentFolder }: LoginKeys,
): EntryKey | undefined {
  if (!isInstanceId(instanceId)) return undefined;
  const isOfEc2 = instanceId.startsWith('i-');
  if (choice === 'instance-connect' && !isOfEc2) return undefined;
  const own = isOfEc2 ? 'instance-connect' : 'run-command';
  const method = choice === 'auto' ? own : choice;
  if (user !== undefined && !LOGIN_NAME.test(user)) return undefined;
  const agent = agentFolder === undefined ? undefined : join(agentFolder, instanceId);
  return { method, node: instanceId, user, agent };
}
