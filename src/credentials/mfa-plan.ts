import { chooseStsRegion } from '../aws/region.ts';
import { loginName } from '../platform/login-name.ts';
import { awsCredentialsFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { sectionValues } from './ini-document.ts';
import { refuseBroken } from './ini-edit.ts';
import * as choices from './mfa-choices.ts';
import type { SessionSource } from './mfa-session.ts';
import { chooseProfile, plainSetting, profileSettings, readAwsFiles } from './profiles.ts';

/** What the person asked for; an empty text counts as not given, as for aws-mfa. */
export interface MfaOptions {
  profile?: string | undefined;
  device?: string | undefined;
  durationSeconds?: number | undefined;
  /** ARN of a role to assume with the code, instead of a session of the user. */
  role?: string | undefined;
  roleSessionName?: string | undefined;
  region?: string | undefined;
  longTermSuffix?: string | undefined;
  shortTermSuffix?: string | undefined;
}

/** Everything about a session that is settled before STS is asked. */
export interface MfaPlan {
  /** The credentials file. */
  file: string;
  names: choices.SectionNames;
  key: choices.LongTermKey;
  source: SessionSource;
  durationSeconds: number;
  /** Of the STS endpoint. */
  region: string;
  /** Of a role's session. */
  sessionName: string;
  /** Something the person should know about the choice of the profile. */
  notice: string | undefined;
}

/**
 * Settles what a session is made from: flags, environment and files, in the order of aws-mfa (1.4).
 *
 * @throws DevaccessError DA_USAGE, DA_NO_LONG_TERM_KEY, DA_NO_MFA_DEVICE, DA_AWS_FILE_INVALID,
 *   DA_FILE_NOT_READABLE, DA_FILE_ENCODING
 */
export function planMfa(asked: MfaOptions, env: Environment): MfaPlan {
  const profile = chooseProfile(asked.profile, env);
  const names = choices.sectionNames(profile.name, asked.longTermSuffix, asked.shortTermSuffix);
  const file = awsCredentialsFile(env);
  const files = readAwsFiles(env);
  refuseBroken(files.credentials, file);
  const longTerm = sectionValues(files.credentials, names.longTerm);
  const key = choices.longTermKey(longTerm, names.longTerm, file);
  const settings = new Map([
    ...(profileSettings(files, profile.name) ?? []),
    ...(profileSettings(files, names.longTerm) ?? []),
  ]);
  const device = choices.chooseDevice(asked.device, env, settings, names.longTerm);
  const role = choices.chooseRole(asked.role, env, longTerm ?? new Map());
  const profileRegion =
    plainSetting(profileSettings(files, names.shortTerm), 'region') ??
    plainSetting(settings, 'region');
  const arn = device.startsWith('arn:') ? device : role;
  return {
    file,
    names,
    key,
    source: { accessKeyId: key.accessKeyId, device, role },
    durationSeconds: choices.chooseDuration(asked.durationSeconds, env, role),
    region: chooseStsRegion({ flag: asked.region, env, profileRegion }, arn),
    sessionName: choices.chooseSessionName(asked.roleSessionName, loginName(env)),
    notice: profile.notice,
  };
}
