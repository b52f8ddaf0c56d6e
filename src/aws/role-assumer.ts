import type { AwsCredentialIdentity } from '@smithy/types';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import { assumeRole, defaultSessionName } from './assume-role.ts';
import { keptCredentials } from './credential-cache.ts';
import { findMfaSession, profileRegion } from './mfa-sessions.ts';
import { chooseStsRegion } from './region.ts';
import { mfaCommand } from './service-errors.ts';

/** Seconds: AWS gives a role that is assumed from a session no more (role chaining). */
const CHAINED_MAX_SECONDS = 3600;

/** What a role is assumed with. */
export interface RoleSource {
  accessKeyId: string;
  /** Undefined for a long-term key. */
  sessionToken?: string | undefined;
  /** All of it; called when STS is asked, which it need not be. */
  credentials: () => Promise<AwsCredentialIdentity>;
}

/** What the SDK's chain asks for; of a profile with `role_arn`. */
export interface RoleParameters {
  RoleArn?: string;
  RoleSessionName?: string;
  ExternalId?: string;
  DurationSeconds?: number;
  /** `mfa_serial` of the profile. */
  SerialNumber?: string;
}

export interface RoleAssumerOptions {
  /** The profile whose credentials are wanted; undefined: AWS_PROFILE, else `default`. */
  profile: string | undefined;
  env: Environment;
  now: () => number;
  /** Told what the person did not get as asked for. */
  onNotice?: ((text: string) => void) | undefined;
}

/**
 * Assumes the role of a profile for the SDK's credential chain. Where the profile asks for MFA,
 * the session that `devaccess mfa` has made of the same key takes the place of another code: its MFA
 * counts for every role. What STS gives is kept for the next process.
 *
 * @param source of the `source_profile` or `credential_source`
 * @throws DevaccessError DA_NO_CREDENTIALS or DA_CREDENTIALS_EXPIRED (exit 3) without such a
 *   session, and those of `assumeRole`
 */
export async function assumeProfileRole(
  source: RoleSource,
  parameters: RoleParameters,
  { profile, env, now, onNotice }: RoleAssumerOptions,
): Promise<AwsCredentialIdentity> {
  const { RoleArn: roleArn = '', SerialNumber: device, ExternalId: externalId } = parameters;
  const caller = profile ?? env['AWS_PROFILE'] ?? 'default';
  const isLongTerm = source.sessionToken === undefined;
  const keys =
    isLongTerm && device !== undefined ? await mfaSession(source, env, now, caller) : source;

  const asked = parameters.DurationSeconds ?? CHAINED_MAX_SECONDS;
  const isChained = keys.sessionToken !== undefined;
  const durationSeconds = isChained ? Math.min(asked, CHAINED_MAX_SECONDS) : asked;
  const sessionName = chosenSessionName(parameters.RoleSessionName, env);
  const region = chooseStsRegion(
    { flag: undefined, env, profileRegion: await profileRegion(profile, env) },
    roleArn,
  );
  const fetch = () => {
    if (durationSeconds < asked) {
      onNotice?.(
        `${roleArn} is assumed for 1 hour, not ${asked} s: AWS gives no more from a session. ` +
          `It is renewed as long as the session lasts; longer at once: devaccess mfa --assume-role`,
      );
    }
    return assumeRole(
      { credentials: keys.credentials, region, profile },
      { roleArn, sessionName, durationSeconds, externalId, caller, nowMs: now() },
    );
  };
  const subject = [roleArn, sessionName, externalId ?? '', String(asked), keys.accessKeyId, region];
  const { expirationMs, ...credentials } = await keptCredentials(subject, fetch, { env, now });
  const accountId = roleArn.split(':')[4];
  return {
    ...credentials,
    expiration: new Date(expirationMs),
    ...(accountId === undefined ? {} : { accountId }),
  };
}

async function mfaSession(
  { accessKeyId }: RoleSource,
  env: Environment,
  now: () => number,
  caller: string,
): Promise<RoleSource> {
  const session = await findMfaSession(accessKeyId, env);
  if (session !== undefined && session.expirationMs > now()) return knownSource(session);
  const [code, what] =
    session === undefined
      ? (['DA_NO_CREDENTIALS', 'there is none'] as const)
      : (['DA_CREDENTIALS_EXPIRED', 'it has expired'] as const);
  throw new DevaccessError(code, `Profile ${caller} needs an MFA session, and ${what}`, {
    next: `run ${mfaCommand(caller)}`,
    exitCode: EXIT.needsPerson,
  });
}

/** Credentials at hand, as what a role is assumed with. */
export function knownSource(identity: AwsCredentialIdentity): RoleSource {
  const { accessKeyId, sessionToken } = identity;
  return { accessKeyId, sessionToken, credentials: () => Promise.resolve(identity) };
}

/** The SDK makes up a name of its own for each call, which no kept credentials could match. */
function chosenSessionName(name: string | undefined, env: Environment): string {
  return name === undefined || /^aws-sdk-js-\d+$/.test(name) ? defaultSessionName(env) : name;
}
