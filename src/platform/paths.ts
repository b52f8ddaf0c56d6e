import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/** Environment variables, given as an argument so that tests are exact. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The value of a variable; an empty one counts as unset, as every AWS tool treats it. */
export function envValue(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === undefined || value === '' ? undefined : value;
}

/** The home directory in the order of the AWS SDK: HOME, USERPROFILE, HOMEDRIVE+HOMEPATH, the OS. */
export function homeDirectory(env: Environment): string {
  const drive = envValue(env, 'HOMEDRIVE');
  const path = envValue(env, 'HOMEPATH');
  const windowsHome = drive !== undefined && path !== undefined ? drive + path : undefined;
  return envValue(env, 'HOME') ?? envValue(env, 'USERPROFILE') ?? windowsHome ?? homedir();
}

/** The shared AWS credentials file: AWS_SHARED_CREDENTIALS_FILE, else `~/.aws/credentials`. */
export function awsCredentialsFile(env: Environment): string {
  const named = envValue(env, 'AWS_SHARED_CREDENTIALS_FILE');
  return named === undefined
    ? join(homeDirectory(env), '.aws', 'credentials')
    : expandHome(named, env);
}

/** The shared AWS config file: AWS_CONFIG_FILE, else `~/.aws/config`. */
export function awsConfigFile(env: Environment): string {
  const named = envValue(env, 'AWS_CONFIG_FILE');
  return named === undefined ? join(homeDirectory(env), '.aws', 'config') : expandHome(named, env);
}

/** The folder of the person's SSH configuration. */
export function sshDirectory(env: Environment): string {
  return join(homeDirectory(env), '.ssh');
}

/**
 * The person's settings: DEVACCESS_CONFIG, else `$XDG_CONFIG_HOME/devaccess/config.toml`, else
 * `~/.config/devaccess/config.toml`.
 */
export function configFile(env: Environment): string {
  const named = envValue(env, 'DEVACCESS_CONFIG');
  if (named !== undefined) return resolve(expandHome(named, env));
  return join(xdgDirectory(env, 'XDG_CONFIG_HOME', '.config'), 'config.toml');
}

/**
 * Our folder for what can be computed again: `$XDG_CACHE_HOME/devaccess`.
 *
 * @public
 */
export function cacheDirectory(env: Environment): string {
  return xdgDirectory(env, 'XDG_CACHE_HOME', '.cache');
}

/** Our folder for locks and what must outlive a run: `$XDG_STATE_HOME/devaccess`. */
export function stateDirectory(env: Environment): string {
  return xdgDirectory(env, 'XDG_STATE_HOME', join('.local', 'state'));
}

/** The XDG specification says relative values are to be ignored. */
function xdgDirectory(env: Environment, variable: string, fallback: string): string {
  const named = envValue(env, variable);
  const base =
    named !== undefined && isAbsolute(named) ? named : join(homeDirectory(env), fallback);
  return join(base, 'devaccess');
}

/**
 * A path as a person writes it in a setting: a leading `~/` is the home directory. Both SDKs expand
 * that; only botocore expands `$VAR`, so that is left alone.
 */
export function expandHome(path: string, env: Environment): string {
  return /^~[/\\]/.test(path) ? join(homeDirectory(env), path.slice(2)) : path;
}
