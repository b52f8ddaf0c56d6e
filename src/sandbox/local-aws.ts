import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createAgent } from './agent/agent.ts';
import type { AgentOptions } from './agent/agent.ts';
import type { AgentNode } from './agent/agent-node.ts';
import { attachGateway } from './gateway/gateway.ts';
import type { Gateway, GatewayOptions } from './gateway/gateway-options.ts';
import { startShellScript } from './run-command/shell-script.ts';
import { startSandbox } from './sandbox.ts';
import type { Sandbox, SandboxOptions } from './sandbox.ts';
import { SEED } from './seed.ts';
import { newKeyPair } from './ssh/key-pair.ts';
import { startSshHosts } from './ssh/ssh-hosts.ts';
import type { SshHosts, SshHostSeed } from './ssh/ssh-hosts.ts';

export interface LocalAwsOptions extends Omit<SandboxOptions, 'stateDir' | 'startScript'> {
  /** Folder for keys and the hosts' home directories. */
  stateDir: string;
  /** Folder for the AWS files of the seeded user. */
  awsDir: string;
  /**
   * What serves SSH on the hosts behind the bastion; this machine's sshd lets in the current user
   * only. The bastion is always embedded: no kernel has a route to the sandbox's addresses.
   */
  sshd?: 'embedded' | 'system';
  /** OpenSSH public keys that may log in to the hosts, beside the generated one. */
  authorizedKeys?: readonly string[];
  gateway?: Pick<GatewayOptions, 'limits' | 'onFrame'>;
  agent?: Pick<AgentOptions, 'agentVersion' | 'pace' | 'kms' | 'windowMessages'>;
}

/** The sandbox with everything attached: APIs, message gateway, agents and SSH hosts. */
export interface LocalAws {
  readonly sandbox: Sandbox;
  readonly gateway: Gateway;
  readonly hosts: SshHosts;
  /** Private key (0600) that may log in to every host. */
  readonly identityFile: string;
  /** known_hosts by instance id, as an administrator would hand them out. */
  readonly knownHostsFile: string;
  close(): Promise<void>;
}

/** Starts the whole sandbox on loopback; nothing of it outlives {@link LocalAws.close}. */
export async function startLocalAws(options: LocalAwsOptions): Promise<LocalAws> {
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  const identityFile = join(options.stateDir, 'id_ed25519');
  const identity = await loginKey(identityFile);
  let nodes: SshHosts['hosts'] = [];
  const nodeOf = (id: string): AgentNode | undefined =>
    nodes.find(({ instanceId }) => instanceId === id);
  const sandbox = await startSandbox({
    ...options,
    stateDir: options.awsDir,
    startScript: (instanceId, script) => {
      const managed = sandbox.account.nodes.find((each) => each.instanceId === instanceId);
      const node = managed?.pingStatus === 'Online' ? nodeOf(instanceId) : undefined;
      const region = managed?.region ?? '';
      if (node === undefined) return undefined;
      const told = { AWS_SSM_INSTANCE_ID: instanceId, AWS_SSM_REGION_NAME: region };
      return startShellScript(node, script, {
        ...told,
        ...sharedCredentials(sandbox, node, instanceId),
      });
    },
  });
  try {
    const hosts = await startSshHosts({
      hosts: sshHostSeeds(sandbox).map((host) =>
        host.bastion === true ? host : { ...host, sshd: options.sshd ?? 'embedded' },
      ),
      authorizedKeys: [identity, ...(options.authorizedKeys ?? [])],
      pushedKeys: (instanceId, user) => sandbox.pushedKeys.keysFor(instanceId, user),
      stateDirectory: options.stateDir,
    });
    nodes = hosts.hosts;
    const gateway = attachGateway({
      server: sandbox.httpServer,
      registry: sandbox.registry,
      authenticateUpgrade: sandbox.authorizeDataChannel,
      agentFor: (session) => {
        const node = nodeOf(session.target);
        return createAgent({
          session,
          registry: sandbox.registry,
          network: hosts.network,
          ...(node === undefined ? {} : { node }),
          ...options.agent,
        });
      },
      ...options.gateway,
    });
    const knownHostsFile = join(options.stateDir, 'known_hosts');
    await writeFile(
      knownHostsFile,
      hosts.hosts.map((host) => `${host.instanceId} ${host.publicKey}\n`).join(''),
      { mode: 0o600 },
    );
    return {
      sandbox,
      gateway,
      hosts,
      identityFile,
      knownHostsFile,
      close: async () => {
        gateway.close();
        await hosts.close();
        await sandbox.close();
      },
    };
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

/** What the agent shares with its scripts: a file with credentials of the node's role, on hybrid nodes. */
function sharedCredentials(
  { endpoint, nodeCredentials }: Sandbox,
  { homeDirectory }: AgentNode,
  instanceId: string,
): Record<string, string> {
  if (!instanceId.startsWith('mi-')) return {};
  const { accessKeyId, secretAccessKey, sessionToken } = nodeCredentials(instanceId);
  const file = join(homeDirectory, '.aws', 'credentials');
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(
    file,
    `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n` +
      `aws_session_token = ${sessionToken}\n`,
    { mode: 0o600 },
  );
  return {
    AWS_PROFILE: 'default',
    AWS_SHARED_CREDENTIALS_FILE: file,
    AWS_ENDPOINT_URL: endpoint,
  };
}

/** Every running machine that is not Windows has an SSH server, the hybrid ones too. */
function sshHostSeeds({ account }: Sandbox): SshHostSeed[] {
  const instances = account.instances
    .filter(
      ({ state, platform, isSimulated }) =>
        state === 'running' && platform === undefined && isSimulated !== true,
    )
    .map(({ instanceId, tags, privateIpAddress }) => ({
      instanceId,
      name: tags['Name'] ?? instanceId,
      privateIp: privateIpAddress,
      bastion: tags['Name'] === SEED.bastionName,
    }));
  const hybrid = account.nodes
    .filter(({ resourceType }) => resourceType === 'ManagedInstance')
    .map(({ instanceId, computerName = instanceId, ipAddress = '127.0.0.1' }) => ({
      instanceId,
      name: computerName,
      privateIp: ipAddress,
    }));
  return [...instances, ...hybrid];
}

/** The key that logs in to the hosts, made on first use. Returns the public half. */
async function loginKey(file: string): Promise<string> {
  try {
    return await readFile(`${file}.pub`, 'utf8');
  } catch {
    const pair = newKeyPair('devaccess-sandbox');
    await writeFile(file, pair.private, { mode: 0o600 });
    await writeFile(`${file}.pub`, `${pair.public}\n`, { mode: 0o644 });
    return pair.public;
  }
}
