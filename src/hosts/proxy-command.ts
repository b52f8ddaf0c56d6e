import { execFile } from 'node:child_process';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { isRemoteHost } from '../platform/remote-host.ts';
import { isInstanceId, isPlainAddress } from './host.ts';
import type { EntryKey } from './login-keys.ts';

export interface ProxyProgram {
  /** Absolute path of Node. */
  node: string;
  /** Absolute path of `devaccess-proxy.js`. */
  script: string;
}

export interface ProxyAccount {
  /** Undefined leaves the choice to the environment ssh runs in. */
  profile: string | undefined;
  /** Undefined as well. */
  region: string | undefined;
  /** `--pace` and `--window` of the proxy. */
  flow?: { pace?: string | undefined; window?: string | undefined };
}

/** Names both AWS SDKs can read (2.2 of the credentials facts); none of it means anything to sh. */
const PROFILE = /^[\w\-@+.%:/]+$/;

/** Values of ProxyCommand, by the way they go. */
export interface ProxyCommands {
  /** To the node that HostName is the id of. */
  direct: (key?: EntryKey) => string;
  /** To an address that a node reaches: no login on that node. */
  through: (nodeId: string, address: string, key?: EntryKey) => string;
  /** As ProxyJump, for a server that is given a key. */
  jump: (alias: string, key: EntryKey, configFile: string | undefined) => string;
}

/**
 * The values of ProxyCommand: ssh expands `%`, then the person's shell reads them. Node is named
 * too, as `#!` would take whichever `node` comes first in the PATH of whoever runs ssh.
 *
 * @throws DevaccessError DA_UNQUOTABLE_PATH for an installation path no shell would read back,
 *   DA_USAGE for a profile name AWS tools cannot read
 */
export function proxyCommands(program: ProxyProgram, account: ProxyAccount): ProxyCommands {
  const head = `${quotePath(program.node)} ${quotePath(program.script)}`;
  const { profile, region, flow = {} } = account;
  const tail = [
    ...(profile === undefined ? [] : [`--profile ${profileWord(profile)}`]),
    ...(region === undefined ? [] : [`--region ${region}`]),
    // The config file holds digits and a slash, or `off`.
    ...Object.entries(flow).map(([name, value]) => `--${name} ${value}`),
  ].join(' ');
  return {
    direct: (key) => `${head} --target %h --port %p ${tail}${keyWords(key)}`,
    through: (nodeId, address, key) => {
      // The inventory holds no other; a shell reads this.
      if (!isInstanceId(nodeId) || !(isPlainAddress(address) || isRemoteHost(address))) {
        throw new Error(`not a node and an address: ${nodeId}, ${address}`);
      }
      return `${head} --target ${nodeId} --host ${address} --port %p ${tail}${keyWords(key)}`;
    },
    jump: (alias, key, configFile) => {
      if (!/^[A-Za-z0-9_][\w.-]*$/.test(alias)) throw new Error(`not an alias: ${alias}`);
      const config = configFile === undefined ? '' : ` --ssh-config ${quotePath(configFile)}`;
      return `${head} --jump ${alias}${config} --host %h --port %p ${tail}${keyWords(key)}`;
    },
  };
}

/**
 * Lets the proxy keep its compiled code, so that the first ssh starts as fast as the later ones.
 * That is a convenience: resolves when it is done, however it went.
 */
export async function warmProxy({ node, script }: ProxyProgram): Promise<void> {
  await new Promise<void>((resolve) => {
    execFile(node, [script, '--warm-up'], { timeout: 10_000 }, () => resolve());
  });
}

/** Ids, and names that a shell reads as they are. */
function keyWords(key: EntryKey | undefined): string {
  if (key === undefined) return '';
  const { method, node, user, agent } = key;
  return [
    ` --key ${method} --key-node ${node}`,
    ...(user === undefined ? [] : [`--user ${user}`]),
    ...(agent === undefined ? [] : [`--agent ${quotePath(agent)}`]),
  ].join(' ');
}

function profileWord(profile: string): string {
  if (!PROFILE.test(profile) || profile.startsWith('-')) {
    throw new DevaccessError('DA_USAGE', `'${profile}' cannot be a profile name`, {
      next: 'use letters, digits and - _ . @ + % : / only',
      exitCode: EXIT.usage,
    });
  }
  return profile.replaceAll('%', '%%');
}

/** Double quotes mean the same to sh, fish, csh and cmd.exe as long as none of these is inside. */
function quotePath(path: string): string {
  const isWindows = process.platform === 'win32';
  const unsafe = isWindows ? /["%!^\p{Cc}]/u : /["\\$`!\p{Cc}]/u;
  if (unsafe.test(path)) {
    throw new DevaccessError('DA_UNQUOTABLE_PATH', `${path} cannot be written into an SSH config`, {
      next: 'install devaccess and Node in folders without quotes, $, `, ! or backslashes',
    });
  }
  return `"${path.replaceAll('%', '%%')}"`;
}
