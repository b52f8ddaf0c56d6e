import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxNetwork } from '../network.ts';
import { newKeyPair } from './key-pair.ts';
import { writeNodePrograms } from './node-programs.ts';
import { startEmbeddedServer } from './embedded-server.ts';
import { startSystemSshd } from './system-sshd.ts';

/** A host of the sandbox as it is seeded. */
export interface SshHostSeed {
  instanceId: string;
  name: string;
  privateIp: string;
  /** A bastion forwards connections to the other hosts (ProxyJump). Embedded servers only. */
  bastion?: boolean;
  /** `system`: the machine's own sshd, which lets only the current user in. Default `embedded`. */
  sshd?: 'embedded' | 'system';
}

export interface SshHostsOptions {
  hosts: readonly SshHostSeed[];
  /** OpenSSH public keys that may log in to every host. */
  authorizedKeys: readonly string[];
  /** Keys that EC2 Instance Connect lets in to an instance just now. */
  pushedKeys?: (instanceId: string, user: string) => readonly string[];
  /** Host keys and the hosts' home directories live here. */
  stateDirectory: string;
}

export interface SshHost extends SshHostSeed {
  /** The loopback port behind the host's port 22. */
  port: number;
  /** `ssh-ed25519 AAAA…` */
  publicKey: string;
  /** The only login name; undefined where any name will do. */
  user: string | undefined;
  homeDirectory: string;
  /** Programs that scripts on the host find first. */
  programsDirectory: string;
}

export interface SshHosts {
  hosts: readonly SshHost[];
  network: SandboxNetwork;
  /** Stops every server; nothing they started stays. */
  close(): Promise<void>;
}

const SSH_PORT = 22;

/**
 * Starts an SSH server for each host and returns the network that leads to them. Host keys are made
 * once and kept in the state directory.
 */
export async function startSshHosts(options: SshHostsOptions): Promise<SshHosts> {
  const hosts: SshHost[] = [];
  const closers: (() => Promise<void>)[] = [];
  const network = sandboxNetwork(hosts);
  const close = async (): Promise<void> => {
    await Promise.all(closers.map((closer) => closer()));
  };
  try {
    for (const seed of options.hosts) {
      const { host, close: closeHost } = await startHost(seed, options, network);
      closers.push(closeHost);
      hosts.push(host);
    }
    const lines = hosts.map(({ privateIp, port }) => `${privateIp} ${SSH_PORT} ${port}\n`);
    await writeFile(networkFile(options), lines.join(''));
  } catch (error) {
    await close();
    throw error;
  }
  return { hosts, network, close };
}

async function startHost(
  seed: SshHostSeed,
  options: SshHostsOptions,
  network: SandboxNetwork,
): Promise<{ host: SshHost; close: () => Promise<void> }> {
  const directory = join(options.stateDirectory, 'hosts', seed.instanceId);
  const homeDirectory = join(directory, 'home');
  await mkdir(homeDirectory, { recursive: true, mode: 0o700 });
  const key = await hostKey(directory);
  const programsDirectory = await writeNodePrograms({
    directory,
    homeDirectory,
    hostKeyFile: key.file,
    networkFile: networkFile(options),
  });
  const { authorizedKeys } = options;
  if (seed.sshd === 'system') {
    const sshd = await startSystemSshd({ directory, hostKey: key.private, authorizedKeys });
    const { port, user, homeDirectory: userHome } = sshd;
    const place = { user, homeDirectory: userHome, programsDirectory };
    return {
      host: { ...seed, port, publicKey: key.public, ...place },
      close: () => sshd.close(),
    };
  }
  const server = await startEmbeddedServer({
    hostKey: key.private,
    authorizedKeys,
    keysFor: (user) => [
      ...(options.pushedKeys?.(seed.instanceId, user) ?? []),
      ...ownKeys(homeDirectory),
    ],
    homeDirectory,
    hostName: seed.name,
    forward:
      seed.bastion === true
        ? (host, port) => forwardedAddress(network, seed.instanceId, host, port)
        : undefined,
  });
  const { port } = server;
  const place = { user: undefined, homeDirectory, programsDirectory };
  return {
    host: { ...seed, port, publicKey: key.public, ...place },
    close: () => server.close(),
  };
}

/** As sshd reads them: at each login. */
function ownKeys(homeDirectory: string): string[] {
  try {
    const text = readFileSync(join(homeDirectory, '.ssh', 'authorized_keys'), 'utf8');
    return text.split('\n').filter((line) => line.trim() !== '');
  } catch {
    return [];
  }
}

/** A bastion forwards to the other hosts' SSH servers alone, never to this machine's own ports. */
function forwardedAddress(
  network: SandboxNetwork,
  instanceId: string,
  host: string,
  port: number,
): { host: string; port: number } | undefined {
  return port === SSH_PORT ? network.connect(instanceId, host, port) : undefined;
}

function sandboxNetwork(hosts: readonly SshHost[]): SandboxNetwork {
  return {
    connect: (fromInstanceId, host, port) => {
      const from = hosts.find((candidate) => candidate.instanceId === fromInstanceId);
      if (from === undefined) return undefined;
      const isLocal = ['localhost', '127.0.0.1', '::1'].includes(host);
      const to = isLocal
        ? from
        : hosts.find((candidate) => candidate.privateIp === host || candidate.name === host);
      if (to === undefined) return undefined;
      if (port === SSH_PORT) return { host: '127.0.0.1', port: to.port };
      // An instance's other ports are this machine's; other hosts have only their port 22.
      return to === from ? { host: '127.0.0.1', port } : undefined;
    },
  };
}

function networkFile({ stateDirectory }: SshHostsOptions): string {
  return join(stateDirectory, 'hosts', 'network');
}

async function hostKey(
  directory: string,
): Promise<{ file: string; private: string; public: string }> {
  const file = join(directory, 'ssh_host_ed25519_key');
  try {
    const [secret, pub] = await Promise.all([
      readFile(file, 'utf8'),
      readFile(`${file}.pub`, 'utf8'),
    ]);
    return { file, private: secret, public: pub };
  } catch {
    const key = newKeyPair('');
    await writeFile(file, key.private, { mode: 0o600 });
    await writeFile(`${file}.pub`, key.public, { mode: 0o644 });
    return { file, ...key };
  }
}
