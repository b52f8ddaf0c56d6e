import type { AwsCredentialIdentity } from '@smithy/types';
import { renewByPerson } from '../aws/renewal.ts';
import { serviceError } from '../aws/service-errors.ts';
import { DevaccessError } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { chooseIdentity } from './access.ts';
import type { AwsIdentity } from './access.ts';
import { keptWhileSignedIn } from './kept-sources.ts';
import { chooseProfile } from './profiles.ts';

/** Credentials for another program, with what it should know about them. */
export interface FreshCredentials {
  profile: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Undefined for a long-term key. */
  sessionToken: string | undefined;
  /** Undefined where they do not end, or where nothing says when. */
  expirationMs: number | undefined;
  accountId: string | undefined;
  region: string | undefined;
  /** Variables for the endpoints that the profile names. */
  endpoints: Readonly<Record<string, string>>;
}

export interface FreshRequest {
  profile: string | undefined;
  region: string | undefined;
}

/** The outer world of `freshCredentials`. */
export interface FreshWorld {
  env: Environment;
  now: () => number;
  /** A line for the person. */
  say: (text: string) => void;
  /** `devaccess mfa` as program and first arguments, which asks the person. */
  mfaCommand: readonly [string, ...string[]];
  /** How long a prompt that came to nothing counts for this caller; 0 for a person. */
  coolDownMs: number;
}

/**
 * The credentials of a profile, from whatever source it has. Where they come from an MFA session
 * that is over, the person is asked for a code and the session is renewed first; of many processes
 * at once, one asks.
 *
 * @throws DevaccessError DA_NO_PROFILE; DA_NO_CREDENTIALS or DA_CREDENTIALS_EXPIRED (exit 3) where
 *   nobody can be asked; DA_CREDENTIAL_PROCESS; those of `assumeRole` and `renewByPerson`
 */
export async function freshCredentials(
  request: FreshRequest,
  world: FreshWorld,
): Promise<FreshCredentials> {
  const { env, say, mfaCommand: command, coolDownMs } = world;
  const failedAtMs = Date.now();
  try {
    return await credentialsOf(request, world);
  } catch (error) {
    if (!isForWantOfSession(error)) throw error;
    const profile = chooseProfile(request.profile, env).name;
    if (!(await renewByPerson({ profile, env, failedAtMs, command, say, coolDownMs }))) throw error;
    return credentialsOf(request, world);
  }
}

async function credentialsOf(request: FreshRequest, world: FreshWorld): Promise<FreshCredentials> {
  const { env, now, say, coolDownMs } = world;
  const identity = await chooseIdentity(request.profile, env, now(), coolDownMs);
  const credentials = await fetched(identity, world);
  for (const notice of identity.notices) say(notice);
  return {
    profile: identity.profile,
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: credentials.secretAccessKey,
    sessionToken: credentials.sessionToken,
    expirationMs: credentials.expiration?.getTime() ?? identity.storedExpirationMs,
    accountId: credentials.accountId,
    region:
      request.region ??
      envValue(env, 'AWS_REGION') ??
      envValue(env, 'AWS_DEFAULT_REGION') ??
      identity.profileRegion,
    endpoints: identity.endpoints,
  };
}

async function fetched(identity: AwsIdentity, world: FreshWorld): Promise<AwsCredentialIdentity> {
  const context = { service: 'STS', operation: 'AssumeRole', profile: identity.namedProfile };
  try {
    return await keptWhileSignedIn(identity, world);
  } catch (error) {
    throw serviceError(error, context);
  }
}

function isForWantOfSession(error: unknown): error is DevaccessError {
  return (
    error instanceof DevaccessError &&
    (error.code === 'DA_NO_CREDENTIALS' || error.code === 'DA_CREDENTIALS_EXPIRED')
  );
}
