import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { DevaccessError } from '../../platform/errors.ts';
import { killTree } from '../process/process-tree.ts';

const SSHD = '/usr/sbin/sshd';
/** sshd started by root insists on this directory; a distribution's service makes it. */
const PRIVILEGE_SEPARATION_DIRECTORY = '/run/sshd';
const START_ATTEMPTS = 5;

export interface SystemSshdOptions {
  /** Where the configuration and keys are written. */
  directory: string;
  /** OpenSSH private key of the host. */
  hostKey: string;
  authorizedKeys: readonly string[];
}

export interface SystemSshd {
  port: number;
  /** The only login: whoever runs the sandbox. */
  user: string;
  homeDirectory: string;
  /** Stops sshd and every login with it. */
  close(): Promise<void>;
}

/** Whether this machine has an sshd that can stand for a host. */
export function hasSystemSshd(): boolean {
  return existsSync(SSHD);
}

/**
 * Starts the machine's own sshd on a free loopback port, as the current user, with its own keys.
 * @throws DevaccessError `DA_SANDBOX_SSHD` when it is not installed or does not start
 */
export async function startSystemSshd(options: SystemSshdOptions): Promise<SystemSshd> {
  if (!hasSystemSshd()) throw sshdError(`${SSHD} is not installed`);
  const directory = join(options.directory, 'sshd');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const hostKeyFile = join(directory, 'host_key');
  await writeFile(hostKeyFile, options.hostKey, { mode: 0o600 });
  await chmod(hostKeyFile, 0o600);
  await writeFile(join(directory, 'authorized_keys'), `${options.authorizedKeys.join('\n')}\n`, {
    mode: 0o600,
  });
  if (process.getuid?.() === 0) {
    await mkdir(PRIVILEGE_SEPARATION_DIRECTORY, { recursive: true, mode: 0o755 });
  }
  for (let attempt = 1; ; attempt += 1) {
    // sshd cannot choose a port itself; another process may take this one first, hence attempts.
    const port = await freePort();
    try {
      const child = await start(directory, port);
      // Not HOME: sshd starts in the home that the system knows.
      const { username, homedir } = userInfo();
      return { port, user: username, homeDirectory: homedir, close: () => stop(child) };
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
    }
  }
}

async function start(directory: string, port: number): Promise<ChildProcess> {
  const configuration = join(directory, 'sshd_config');
  await writeFile(configuration, sshdConfiguration(directory, port), { mode: 0o600 });
  const child = spawn(SSHD, ['-D', '-e', '-f', configuration], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      // Read to its end, as sshd writes a line for every login; only the beginning is kept.
      if (log.length < 8192) log += chunk.toString();
      if (log.includes('Server listening on')) resolve(child);
    });
    child.once('error', (error) => reject(sshdError(error.message)));
    child.once('exit', () => reject(sshdError(log.trim())));
  });
}

function sshdConfiguration(directory: string, port: number): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey "${join(directory, 'host_key')}"`,
    `AuthorizedKeysFile "${join(directory, 'authorized_keys')}"`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'AuthenticationMethods publickey',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    `AllowUsers ${userInfo().username}`,
    'AllowTcpForwarding no',
    'AllowAgentForwarding no',
    'X11Forwarding no',
    'PrintMotd no',
    'PrintLastLog no',
    'Subsystem sftp internal-sftp',
    'LogLevel INFO',
    '',
  ].join('\n');
}

/** Logins leave sshd's process group, so they are found through their parents. */
function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    killTree(child.pid);
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function sshdError(reason: string): DevaccessError {
  return new DevaccessError('DA_SANDBOX_SSHD', `the machine's sshd cannot be used: ${reason}`, {
    next: 'install openssh-server, or use the embedded SSH server',
  });
}
