import type { CredentialChain } from '../aws/credential-chain.ts';
import { parseExpiration } from '../aws/expiration.ts';
import { STORE_KEY } from '../aws/key-pointer.ts';
import { chooseRegion } from '../aws/region.ts';
import { mfaCommand } from '../aws/service-errors.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { signInOf } from './kept-sources.ts';
import type { SignIn } from './kept-sources.ts';
import { profileEndpoints } from './profile-endpoints.ts';
import {
  chooseProfile,
  plainSetting,
  profileSettings,
  readAwsFiles,
  refuseUnknown,
} from './profiles.ts';

/** Whose account a command works on. */
export interface AwsIdentity {
  /** The profile's name, for people and file names. */
  profile: string;
  /** The profile to name to other programs; undefined when the environment's keys are used. */
  namedProfile: string | undefined;
  /** `region` of the profile. */
  profileRegion: string | undefined;
  /** The SDK's chain of sources; asks nobody before it is called. */
  credentials: CredentialChain;
  /** What its credentials are exchanged for, where that is a token on disk. */
  signIn: SignIn | undefined;
  /** Variables for what the profile says of endpoints, for a program that is not told its name. */
  endpoints: Readonly<Record<string, string>>;
  /** When a session that lies in the files ends, which the SDK does not read. */
  storedExpirationMs: number | undefined;
  /** Grows while credentials are fetched. */
  notices: string[];
}

/** Whose account and which region a command works on. */
export interface AwsAccess extends AwsIdentity {
  region: string;
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
  STORE_KEY,
];

/**
 * Settles profile and credentials the way all AWS tools do (2.1): the environment's keys count
 * unless a profile was named.
 *
 * @param coolDownMs how long a prompt for the passphrase of a stored key that came to nothing counts
 * @throws DevaccessError DA_NO_PROFILE, DA_NO_CREDENTIALS or DA_CREDENTIALS_EXPIRED (exit 3)
 */
export async function chooseIdentity(
  profile: string | undefined,
  env: Environment,
  nowMs: number,
  coolDownMs = 0,
): Promise<AwsIdentity> {
  const choice = chooseProfile(profile, env);
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
    if (choice.origin !== 'fallback') refuseUnknown(choice.name, env);
  }
  // A role's profile has none of its own: it lasts as long as its source.
  const isStored = !usesEnvironment && !settings?.has('role_arn');
  const storedExpirationMs = isStored
    ? parseExpiration(settings?.get('expiration') ?? '')
    : undefined;
  if (storedExpirationMs !== undefined && storedExpirationMs <= nowMs) {
    throw needsMfa('DA_CREDENTIALS_EXPIRED', 'has a session that has expired', choice.name);
  }
  const namedProfile = usesEnvironment || settings === undefined ? undefined : choice.name;
  const isOther = namedProfile !== undefined && namedProfile !== 'default';
  const notices = choice.notice === undefined ? [] : [choice.notice];
  const { credentialChain } = await import('../aws/credential-chain.ts');
  return {
    profile: choice.name,
    namedProfile,
    profileRegion: plainSetting(settings, 'region'),
    credentials: credentialChain({
      profile: namedProfile,
      env,
      onNotice: (text) => notices.push(text),
      coolDownMs,
    }),
    // Without a name, programs read the settings of `default` themselves.
    endpoints: isOther ? profileEndpoints(files, settings, env) : {},
    signIn: usesEnvironment ? undefined : signInOf(settings, env),
    storedExpirationMs,
    notices,
  };
}

/**
 * As `chooseIdentity`, with the region.
 *
 * @throws DevaccessError those of `chooseIdentity`; DA_NO_REGION, DA_USAGE
 */
export async function chooseAccess(
  asked: { profile: string | undefined; region: string | undefined },
  env: Environment,
  nowMs: number,
): Promise<AwsAccess> {
  const identity = await chooseIdentity(asked.profile, env, nowMs);
  const { profileRegion } = identity;
  const region = chooseRegion({ flag: asked.region, env, profileRegion });
  return { ...identity, region };
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
