import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { errorCode, fileError } from '../platform/file-errors.ts';
import { startLocalAws } from './local-aws.ts';
import type { LocalAws } from './local-aws.ts';
import { SEED } from './seed.ts';

export interface RunSandboxOptions {
  /** 0: any free port. */
  port: number;
  region: string;
  /** Default: a throw-away folder, removed at the end. */
  stateDir: string | undefined;
  sshd: 'embedded' | 'system';
  /** Servers in name alone, beside the seeded ones; in `region` where no regions are given. */
  crowd?: { servers: number; regions: readonly string[] } | undefined;
  /** Serves the metadata of the bastion (IMDSv2), too. Default: does not. */
  instanceMetadata?: boolean;
  /** Called once, when everything listens. */
  announce: (facts: SandboxFacts, text: string) => void;
}

/** What a person or a program needs to know to use a running sandbox. */
export interface SandboxFacts {
  endpoint: string;
  region: string;
  accountId: string;
  /** Variables to export. */
  environment: Record<string, string>;
  user: { name: string; arn: string; accessKeyId: string };
  /** Who may do everything, and the profile of the AWS files with that key. */
  administrator: { profile: string; accessKeyId: string };
  /** A real device of a throw-away account: its secret may be shown. */
  mfa: { serialNumber: string; secret: string };
  bastion: SandboxHost;
  /** Private hosts behind the bastion, and the hybrid node. */
  hosts: SandboxHost[];
  identityFile: string;
  knownHostsFile: string;
}

interface SandboxHost {
  name: string;
  instanceId: string;
  privateIp: string;
  /** `ssh-ed25519 AAAA…` */
  publicKey: string;
}

/** Marks a folder as a sandbox's own: in any other, keys and AWS files may be the person's. */
const FOLDER_MARK = '.devaccess-sandbox';

/**
 * Runs a sandbox until SIGINT, SIGTERM or SIGHUP; resolves when everything it started is gone.
 *
 * @throws DevaccessError DA_USAGE for a malformed region or a folder with files of somebody else,
 *   DA_PORT_BUSY
 */
export async function runSandbox(options: RunSandboxOptions): Promise<void> {
  if (!/^[a-z]+(-[a-z]+)+-\d+$/.test(options.region)) {
    throw usage(`'${options.region}' is not an AWS region`, 'give one such as eu-central-1');
  }
  const isThrowAway = options.stateDir === undefined;
  const stateDir = resolve(
    options.stateDir ?? (await mkdtemp(join(tmpdir(), 'devaccess-sandbox-'))),
  );
  try {
    await claimFolder(stateDir);
    const stopped = untilStopped();
    const aws = await startLocalAws({
      stateDir,
      awsDir: stateDir,
      port: options.port,
      region: options.region,
      sshd: options.sshd,
      crowd: options.crowd,
      adminProfile: SEED.administratorName,
      authorizedKeys: await ownPublicKeys(),
    });
    const facts = sandboxFacts(aws);
    if (options.instanceMetadata === true) {
      const { endpoint } = await aws.sandbox.serveMetadata(facts.bastion.instanceId);
      facts.environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = endpoint;
    }
    options.announce(facts, describe(facts));
    await stopped;
    await aws.close();
  } catch (error) {
    if (errorCode(error) !== 'EADDRINUSE') throw fileError(error, 'write', stateDir);
    throw new DevaccessError('DA_PORT_BUSY', `Port ${options.port} is in use`, {
      next: 'give another --port, or none for any free one',
      cause: error,
    });
  } finally {
    if (isThrowAway) await rm(stateDir, { recursive: true, force: true });
  }
}

/** Makes the folder, or makes sure that nothing but a sandbox has ever used it. */
async function claimFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = await readdir(folder);
  if (names.length > 0 && !names.includes(FOLDER_MARK)) {
    throw usage(
      `${folder} holds files that are not a sandbox's, which would be overwritten`,
      'give --state-dir a new folder',
    );
  }
  await writeFile(join(folder, FOLDER_MARK), '');
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}

function sandboxFacts({ sandbox, hosts, identityFile, knownHostsFile }: LocalAws): SandboxFacts {
  const [bastion] = hosts.hosts.filter(({ name }) => name === SEED.bastionName);
  if (bastion === undefined) throw new Error('the sandbox has no bastion');
  const secret = sandbox.mfaDevice.base32Seed;
  const fact = ({ name, instanceId, privateIp, publicKey }: SandboxHost): SandboxHost => ({
    name,
    instanceId,
    privateIp,
    publicKey,
  });
  return {
    endpoint: sandbox.endpoint,
    region: sandbox.account.region,
    accountId: sandbox.account.accountId,
    environment: { ...sandbox.environment, DEVACCESS_SANDBOX_MFA_SECRET: secret },
    user: {
      name: sandbox.user.userName,
      arn: sandbox.user.arn,
      accessKeyId: sandbox.accessKey.accessKeyId,
    },
    administrator: {
      profile: SEED.administratorName,
      accessKeyId: sandbox.administrator.accessKeyId,
    },
    mfa: { serialNumber: sandbox.mfaDevice.serialNumber, secret },
    bastion: fact(bastion),
    hosts: hosts.hosts.filter((host) => host !== bastion).map(fact),
    identityFile,
    knownHostsFile,
  };
}

function describe(facts: SandboxFacts): string {
  const exports = Object.entries(facts.environment).map(
    ([name, value]) => `export ${name}='${value}'`,
  );
  const hosts = [facts.bastion, ...facts.hosts].map(
    ({ name, instanceId, privateIp }) =>
      `  ${name.padEnd(12)} ${instanceId.padEnd(20)} ${privateIp}`,
  );
  return `# The sandbox is running at ${facts.endpoint}. In another terminal:
${exports.join('\n')}

devaccess mfa --token "$(devaccess sandbox code)"
devaccess hosts sync
ssh someserver

# User ${facts.user.name} with MFA device ${facts.mfa.serialNumber}, secret ${facts.mfa.secret}
# Profile ${facts.administrator.profile} may do everything: users, groups, policies
# Hosts take your own SSH keys (~/.ssh/*.pub) and ${facts.identityFile}
${hosts.map((line) => `#${line}`).join('\n')}
# Ctrl-C ends it.
`;
}

/** Public keys of the person, so that plain `ssh` logs in to the sandbox's hosts. */
async function ownPublicKeys(): Promise<string[]> {
  const folder = join(homedir(), '.ssh');
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => /^id_\w+\.pub$/.test(name));
  return Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
}

function untilStopped(): Promise<void> {
  return new Promise((resolvePromise) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => resolvePromise());
    }
  });
}
