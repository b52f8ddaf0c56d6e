import { createHash } from 'node:crypto';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { cacheDirectory, sshDirectory } from './paths.ts';
import type { Environment } from './paths.ts';
import { editFile } from './safe-file.ts';

/** ssh writes the file's path into a jump host's command as it is. */
const PLAIN_PATH = /^[\w@+=:,./-]+$/;

/**
 * A file for ssh's -F in which some options come before the person's configuration, so that they
 * count: ssh hands on no `-o` to jump hosts, only this file.
 *
 * @param about first line, for whoever finds the file
 * @param configFile as ssh's own -F; undefined: `~/.ssh/config` and the system's file
 * @param before options that hold whatever the person set
 * @param after lines that hold where the person set nothing
 * @returns its path; `configFile` where no such file can be used
 */
export async function sshConfigurationOver(
  about: string,
  configFile: string | undefined,
  { before, after = [] }: { before: readonly string[]; after?: readonly string[] },
  env: Environment,
): Promise<string | undefined> {
  if (configFile === 'none') return configFile;
  const included = configFile === undefined ? '~/.ssh/config' : resolve(configFile);
  const text = [
    `# ${about}`,
    ...before,
    `Include ${included}`,
    ...(configFile === undefined ? ['Include /etc/ssh/ssh_config'] : []),
    ...after,
    '',
  ].join('\n');
  const name = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const path = join(cacheDirectory(env), `ssh-${name}.conf`);
  if (!PLAIN_PATH.test(path) || !/^[\w@+=:,./~-]+$/.test(included)) return configFile;
  await editFile(path, () => text);
  return path;
}

/** The person's SSH config where ssh would read another: it asks the system for the home, not HOME. */
export function ownSshConfig(env: Environment): string | undefined {
  const folder = sshDirectory(env);
  return folder === join(userInfo().homedir, '.ssh') ? undefined : join(folder, 'config');
}
