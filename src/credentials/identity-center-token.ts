import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { homeDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { plainSetting } from './profiles.ts';

/** Where the AWS CLI and all SDKs keep the token of a profile's sign-in to IAM Identity Center. */
export function identityCenterTokenFile(
  settings: ReadonlyMap<string, string> | undefined,
  env: Environment,
): string | undefined {
  const startedAt =
    plainSetting(settings, 'sso_session') ?? plainSetting(settings, 'sso_start_url');
  if (startedAt === undefined) return undefined;
  const name = `${createHash('sha1').update(startedAt).digest('hex')}.json`;
  return join(homeDirectory(env), '.aws', 'sso', 'cache', name);
}
