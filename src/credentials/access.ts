import { profileCredentials } from '../aws/clients.ts';
import type { Credentials } from '../aws/client-settings.ts';
import { chooseRegion } from '../aws/region.ts';
import { mfaCommand } from '../aws/service-errors.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { parseExpiration } from './expiration.ts';
import { chooseProfile, plainSetting, profileSettings, readAwsFiles } from './profiles.ts';

/** Whose account and which region a command works on. */
export interface AwsAccess {
  /** The profile's name, for people and file names. */
  profile: string;
  /** The profile to name to other programs; undefined when the environment's keys are used. */
  namedProfile: string | undefined;
  region: string;
  credentials: Credentials;
  notices: string[];
}

/** Settings of a profile the SDK can get credentials from. */
const SOURCES = [
  'aws_access_key_id',
  'role_arn',
  'credential_process',
  'credential_source',
  'sso_session',
  'sso_start_url',
  'web_identity_token_file',
  'login_session',
];

/**
 * Settles profile, region and credentials the way all AWS tools do (2.1): the environment's keys
 * count unless a profile was named.
 *
 * @throws DevaccessError DA_NO_PROFILE, DA_NO_CREDENTIALS or DA_CREDENTIALS_EXPIRED (exit 3),
 *   DA_NO_REGION, DA_USAGE
 */
export async function chooseAccess(
  asked: { profile: string | undefined; region: string | undefined },
  env: Environment,
  nowMs: number,
): Promise<AwsAccess> {
  const choice = chooseProfile(asked.profile, env);
  const files = readAwsFiles(env);
  const settings = profileSettings(files, choice.name);
  const usesEnvironment =
    choice.origin === 'fallback' && envValue(env, 'AWS_ACCESS_KEY_ID') !== undefined;
  const hasLongTerm = profileSettings(files, `${choice.name}-long-term`) !== undefined;
  if (!usesEnvironment) {
    const hasSource = SOURCES.some((key) => settings?.has(key));
    if (!hasSource && hasLongTerm) {
      throw needsMfa('DA_NO_CREDENTIALS', 'has no session yet', choice.name);
    }
    if (settings === undefined && choice.origin !== 'fallback') {
      throw new DevaccessError('DA_NO_PROFILE', `There is no AWS profile ${choice.name}`, {
        next: 'check the name; profiles are in ~/.aws/credentials and ~/.aws/config',
      });
    }
  }
  const expirationMs = parseExpiration(settings?.get('expiration') ?? '');
  if (!usesEnvironment && expirationMs !== undefined && expirationMs <= nowMs) {
    throw needsMfa('DA_CREDENTIALS_EXPIRED', 'has a session that has expired', choice.name);
  }
  const profileRegion = plainSetting(settings, 'region');
  const namedProfile = usesEnvironment || settings === undefined ? undefined : choice.name;
  return {
    profile: choice.name,
    namedProfile,
    region: chooseRegion({ flag: asked.region, env, profileRegion }),
    credentials: await profileCredentials(namedProfile),
    notices: choice.notice === undefined ? [] : [choice.notice],
  };
}

function needsMfa(
  code: 'DA_NO_CREDENTIALS' | 'DA_CREDENTIALS_EXPIRED',
  what: string,
  profile: string,
): DevaccessError {
  return new DevaccessError(code, `Profile ${profile} ${what}`, {
    next: `run ${mfaCommand(profile)}`,
    exitCode: EXIT.needsPerson,
  });
}
