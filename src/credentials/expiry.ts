import { mfaCommand } from '../aws/service-errors.ts';
import type { Environment } from '../platform/paths.ts';
import { usedCredentials } from './profile-end.ts';
import type { UsedCredentials } from './profile-end.ts';

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
 * Reads when the credentials end: of a role, when its source does; of the environment's keys, by
 * AWS_CREDENTIAL_EXPIRATION.
 *
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_ENCODING
 */
export function credentialsExpiry(
  profile: string | undefined,
  env: Environment,
): CredentialsExpiry {
  const used = usedCredentials(profile, env);
  return {
    owner: used.profile ?? 'the environment',
    endsAtMs: used.end.kind === 'at' ? used.end.timeMs : undefined,
    renew: renewCommand(used) ?? 'the command again with new keys in the environment',
  };
}

/** The command that renews credentials; undefined for the environment's. */
export function renewCommand({ profile, origin }: UsedCredentials): string | undefined {
  if (profile === undefined) return undefined;
  if (origin?.kind === 'identity-center') return `aws sso login --profile ${origin.profile}`;
  return mfaCommand(profile);
}
