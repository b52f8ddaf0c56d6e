import { DevaccessError, EXIT } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import { renewCommand } from './expiry.ts';
import { usedCredentials } from './profile-end.ts';
import { refuseUnknown } from './profiles.ts';

/** How long the credentials last that are used. */
export interface CredentialsLeft {
  /** The profile's name, or `the environment`. */
  owner: string;
  /** ISO 8601, UTC; null for what does not end, or where nothing says when. */
  expiration: string | null;
  secondsLeft: number | null;
}

/**
 * Makes sure that the credentials of a profile last, by what the files say.
 *
 * @param minLeftSeconds 0: they must not have ended
 * @throws DevaccessError DA_CREDENTIALS_EXPIRED or DA_NO_CREDENTIALS (exit 3) where they do not,
 *   DA_NO_PROFILE
 */
export function checkLeft(
  profile: string | undefined,
  minLeftSeconds: number,
  env: Environment,
  nowMs: number,
): CredentialsLeft {
  const used = usedCredentials(profile, env);
  const { end } = used;
  const owner = used.profile ?? 'the environment';
  const who = used.profile === undefined ? 'The environment' : `Profile ${used.profile}`;
  const command = renewCommand(used);
  const refuse = (code: 'DA_NO_CREDENTIALS' | 'DA_CREDENTIALS_EXPIRED', what: string) =>
    new DevaccessError(code, `${who} ${what}`, {
      next: command === undefined ? 'set new keys in the environment' : `run ${command}`,
      exitCode: EXIT.needsPerson,
    });
  if (end.kind === 'missing') {
    if (used.profile !== undefined) refuseUnknown(used.profile, env);
    throw refuse('DA_NO_CREDENTIALS', 'has no credentials to use');
  }
  if (end.kind !== 'at') return { owner, expiration: null, secondsLeft: null };
  const secondsLeft = Math.floor((end.timeMs - nowMs) / 1000);
  const expiration = new Date(end.timeMs).toISOString();
  const until = expiration.replace(/\.\d+/, '');
  if (secondsLeft <= 0)
    throw refuse('DA_CREDENTIALS_EXPIRED', `has credentials that ended ${until}`);
  if (secondsLeft >= minLeftSeconds) return { owner, expiration, secondsLeft };
  throw refuse('DA_CREDENTIALS_EXPIRED', `has credentials until ${until} only`);
}
