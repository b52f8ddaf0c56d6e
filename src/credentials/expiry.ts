import { mfaCommand } from '../aws/service-errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { parseExpiration } from '../aws/expiration.ts';
import { chooseProfile, profileSettings, readAwsFiles } from './profiles.ts';

/** When the credentials that a command uses end, as far as that can be known in advance. */
export interface CredentialsExpiry {
  /** For people: the profile's name, or `the environment`. */
  owner: string;
  /** Milliseconds since the epoch; undefined for what renews itself or does not end. */
  endsAtMs: number | undefined;
  /** What to run to renew them. */
  renew: string;
}

/**
 * Reads when the credentials end: the `expiration` that `devaccess mfa` writes to the profile, or
 * AWS_CREDENTIAL_EXPIRATION where the environment's keys are used.
 *
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_ENCODING
 */
export function credentialsExpiry(
  profile: string | undefined,
  env: Environment,
): CredentialsExpiry {
  const { name, origin } = chooseProfile(profile, env);
  if (origin === 'fallback' && envValue(env, 'AWS_ACCESS_KEY_ID') !== undefined) {
    return {
      owner: 'the environment',
      endsAtMs: parseExpiration(envValue(env, 'AWS_CREDENTIAL_EXPIRATION') ?? ''),
      renew: 'the command again with new keys in the environment',
    };
  }
  const settings = profileSettings(readAwsFiles(env), name);
  return {
    owner: name,
    endsAtMs: parseExpiration(settings?.get('expiration') ?? ''),
    renew: mfaCommand(name),
  };
}
