import type { Environment } from '../../platform/paths.ts';
import { sshConfigurationOver } from '../../platform/ssh-configuration.ts';

/** Where ssh is to log in, as the person says it. */
export interface SshTarget {
  host: string;
  user: string | undefined;
  port: number | undefined;
  /** As ssh's own -F: instead of `~/.ssh/config` and the system's file. */
  configFile: string | undefined;
}

export interface SshPrograms {
  /** May ask on the terminal: password, passphrase, host key. */
  interactive: SshProgram;
  /** Fails where it would have to ask. */
  batch: SshProgram;
}

/** The machine's `ssh` with the arguments for one server, up to what is to be run there. */
export interface SshProgram {
  readonly host: string;
  readonly options: readonly string[];
  /** `user@host`, never to be taken for an option. */
  readonly destination: string;
}

/** What scp and sftp switch off as well; a connection of its own for each session besides. */
const OPTIONS = [
  'ControlMaster=no',
  'ControlPath=none',
  'ClearAllForwardings=yes',
  'ForwardAgent=no',
  'ForwardX11=no',
  'PermitLocalCommand=no',
  'RemoteCommand=none',
  'RequestTTY=no',
];

/**
 * Prepares ssh for a server. The person's configuration holds, but no connection is shared, on the
 * way through jump hosts neither: ssh hands on no `-o` to those, only the file of `-F`. So there is
 * such a file, which includes the person's.
 */
export async function sshPrograms(target: SshTarget, env: Environment): Promise<SshPrograms> {
  const { host, user } = target;
  const destination = user === undefined ? host : `${user}@${host}`;
  const program = async (isBatch: boolean): Promise<SshProgram> => {
    const file = await configuration(target.configFile, isBatch, env);
    const options = [
      ...(file === undefined ? [] : ['-F', file]),
      ...(isBatch ? [...OPTIONS, 'BatchMode=yes'] : OPTIONS).flatMap((option) => ['-o', option]),
      ...(target.port === undefined ? [] : ['-p', String(target.port)]),
    ];
    return { host, options, destination };
  };
  return { interactive: await program(false), batch: await program(true) };
}

/** Arguments that start SFTP on the server. */
export function sftpArguments({ options, destination }: SshProgram): string[] {
  return [...options, '-s', '--', destination, 'sftp'];
}

/** Arguments that run a command there. The server's login shell reads it. */
export function commandArguments({ options, destination }: SshProgram, command: string): string[] {
  return [...options, '-T', '--', destination, command];
}

async function configuration(
  configFile: string | undefined,
  isBatch: boolean,
  env: Environment,
): Promise<string | undefined> {
  // OpenSSH for Windows shares no connections.
  if (process.platform === 'win32') return configFile;
  const before = ['ControlMaster no', 'ControlPath none', ...(isBatch ? ['BatchMode yes'] : [])];
  const after = ['Host *', '    ServerAliveInterval 15', '    ServerAliveCountMax 3'];
  const about =
    'Written by devaccess cp: the configuration of ssh, but with a connection for each session.';
  return sshConfigurationOver(about, configFile, { before, after }, env);
}
