import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { DevaccessError } from '../platform/errors.ts';
import { errorCode, fileError } from '../platform/file-errors.ts';
import { configFile, envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { parseConfig } from './parse-config.ts';
import type { Settings } from './settings.ts';

export interface Config extends Settings {
  /** Where the file is, or would be. */
  path: string;
}

const MAX_BYTES = 1024 * 1024;

/**
 * The person's settings; those of an empty file where there is none.
 *
 * @throws DevaccessError DA_CONFIG_INVALID, DA_CONFIG_UNSAFE, DA_NO_CONFIG, DA_FILE_NOT_READABLE
 */
export function readConfig(env: Environment): Config {
  const path = configFile(env);
  return { path, ...parseConfig(readOwn(path, env), path) };
}

/**
 * Whoever can write the file chooses where a local port leads, and whether it is open to the
 * network: it could hand the password of a database to a stranger. So, as ssh does with its config,
 * a file that others may write, or that belongs to others, is not used. The open file is judged,
 * not its name.
 */
function readOwn(path: string, env: Environment): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const stats = fstatSync(descriptor);
    const { uid, mode, size } = stats;
    const user = process.geteuid?.();
    if (user !== undefined && user !== 0 && uid !== user && uid !== 0) {
      throw unsafe(`${path} belongs to another user`, 'make it a file of your own');
    }
    // Nobody changes what /dev/null says.
    if (user !== undefined && !stats.isCharacterDevice() && (mode & 0o022) !== 0) {
      throw unsafe(`Others may write ${path}`, `chmod go-w '${path}'`);
    }
    if (size > MAX_BYTES) {
      throw new DevaccessError('DA_CONFIG_INVALID', `${path} is larger than 1 MiB`, {
        next: 'check that it is the config file',
      });
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(descriptor));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') {
      if (envValue(env, 'DEVACCESS_CONFIG') === undefined) return '';
      throw new DevaccessError(
        'DA_NO_CONFIG',
        `There is no ${path}, which DEVACCESS_CONFIG names`,
        {
          next: 'correct the variable, or unset it',
          cause: error,
        },
      );
    }
    if (errorCode(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      throw new DevaccessError('DA_FILE_ENCODING', `${path} is not valid UTF-8`, {
        next: 'convert the file to UTF-8',
        cause: error,
      });
    }
    throw fileError(error, 'read', path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function unsafe(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_CONFIG_UNSAFE', message, { next });
}
