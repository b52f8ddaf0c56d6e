import { resolve } from 'node:path';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { expandHome } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { CREDENTIAL_OPTIONS } from './options.ts';
import type { GivenCredentials } from './options.ts';
import { isPkcs11Uri, parsePkcs11Uri } from './pkcs11/pkcs11-uri.ts';
import { tokenAccess } from './pkcs11/token-access.ts';

const FILES: ReadonlySet<string> = new Set([
  'certificate',
  'private-key',
  'intermediates',
  'pkcs8-password-file',
  'pkcs11-pin-file',
]);

/**
 * The words of `anywhere credential-process` with the given options, for a `credential_process` line:
 * files by their whole path, as tools start it in any folder.
 *
 * @throws DevaccessError DA_USAGE where a passphrase or a PIN would be written down
 */
export function processWords(asked: GivenCredentials, env: Environment): string[] {
  const { library, pin } = tokenAccess(asked, env);
  const given = { ...asked, 'pkcs11-lib': library, 'pkcs11-pin-file': pin.file };
  const passphrase = asked['pkcs8-password'];
  if (pin.value !== undefined || (typeof passphrase === 'string' && passphrase !== '')) {
    throw new DevaccessError(
      'DA_USAGE',
      'A passphrase or a PIN is not written into a credential_process line, which every process can read',
      {
        next: 'put it into a file of mode 0600, and give --pkcs8-password-file or --pkcs11-pin-file',
        exitCode: EXIT.usage,
      },
    );
  }
  const words = (Object.keys(CREDENTIAL_OPTIONS) as (keyof typeof CREDENTIAL_OPTIONS)[]).flatMap(
    (name) => {
      const value = given[name];
      if (value === true) return [`--${name}`];
      if (typeof value !== 'string' || value === '') return [];
      return [`--${name}`, wordOf(name, value, env)];
    },
  );
  return ['anywhere', 'credential-process', ...words];
}

function wordOf(name: string, value: string, env: Environment): string {
  if (!FILES.has(name)) return value;
  // What follows the name of a thing in a token has become flags.
  return isPkcs11Uri(value) ? parsePkcs11Uri(value).text : resolve(expandHome(value, env));
}
