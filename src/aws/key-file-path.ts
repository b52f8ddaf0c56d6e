import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { awsCredentialsFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/**
 * The encrypted file of long-term keys: beside the credentials file, which points into it, so that
 * they are copied and backed up together.
 */
export function keyFilePath(env: Environment): string {
  const credentials = awsCredentialsFile(env);
  const real = existsSync(credentials) ? realpathSync(credentials) : credentials;
  return join(dirname(real), 'devaccess-keys.json');
}
