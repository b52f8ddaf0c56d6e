import { resolve } from 'node:path';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { expandHome } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { CREDENTIAL_OPTIONS } from './options.ts';
import type { GivenCredentials } from './options.ts';

const FILES: ReadonlySet<string> = new Set([
  'certificate',
  'private-key',
  'intermediates',
  'pkcs8-password-file',
]);

/**
 * The words of `anywhere credential-process` with the given options, for a `credential_process` line:
 * files by their whole path, as tools start it in any folder.
 *
 * @throws DevaccessError DA_USAGE where a passphrase would be written down
 */
export function processWords(given: GivenCredentials, env: Environment): string[] {
  if (typeof given['pkcs8-password'] === 'string' && given['pkcs8-password'] !== '') {
    throw new DevaccessError(
      'DA_USAGE',
      'A passphrase is not written into a credential_process line, which every process can read',
      {
        next: 'put it into a file of mode 0600, and give --pkcs8-password-file',
        exitCode: EXIT.usage,
      },
    );
  }
  const words = (Object.keys(CREDENTIAL_OPTIONS) as (keyof typeof CREDENTIAL_OPTIONS)[]).flatMap(
    (name) => {
      const value = given[name];
      if (value === true) return [`--${name}`];
      if (typeof value !== 'string' || value === '') return [];
      return [`--${name}`, FILES.has(name) ? resolve(expandHome(value, env)) : value];
    },
  );
  return ['anywhere', 'credential-process', ...words];
}
