import { chooseStsRegion } from '../aws/region.ts';
import { awsCredentialsFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { sectionValues } from '../aws/files/ini-document.ts';
import { refuseBroken } from '../aws/files/ini-edit.ts';
import { mfaBase } from './mfa-base.ts';
import * as choices from './mfa-choices.ts';
import type { SessionSource } from './mfa-session.ts';
import { chooseProfile, plainSetting, profileSettings, readAwsFiles } from './profiles.ts';
import type { AwsFiles } from './profiles.ts';

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
  key: choices.PlannedKey;
  source: SessionSource;
  durationSeconds: number;
  /** Of the STS endpoint. */
  region: string;
  /** Of a role's session. */
  sessionName: string;
  /** What the person should know about the choice of the profile. */
  notices: string[];
}

/**
 * Settles what a session is made from: flags, environment and files, in the order of aws-mfa (1.4).
 *
 * @throws DevaccessError DA_USAGE, DA_NO_LONG_TERM_KEY, DA_NO_MFA_DEVICE, DA_AWS_FILE_INVALID,
 *   DA_FILE_NOT_READABLE, DA_FILE_ENCODING
 */
export function planMfa(asked: MfaOptions, env: Environment): MfaPlan {
  const profile = chooseProfile(asked.profile, env);
  const file = awsCredentialsFile(env);
  const files = readAwsFiles(env);
  refuseBroken(files.credentials, file);
  const own = choices.sectionNames(profile.name, asked.longTermSuffix, asked.shortTermSuffix);
  const base = hasOwnKey(files, own, asked) ? undefined : mfaBase(files, profile.name);
  const names = base?.names ?? own;
  const longTerm = sectionValues(files.credentials, names.longTerm);
  const key = choices.longTermKey(longTerm, names.longTerm, file);
  const settings = new Map([
    ...(base?.device === undefined ? [] : [['mfa_serial', base.device] as const]),
    ...(profileSettings(files, base === undefined ? profile.name : names.shortTerm) ?? []),
    ...(profileSettings(files, names.longTerm) ?? []),
  ]);
  const device = choices.chooseDevice(asked.device, env, settings, names.longTerm);
  const role = choices.chooseRole(asked.role, env, longTerm ?? new Map());
  const profileRegion =
    plainSetting(profileSettings(files, names.shortTerm), 'region') ??
    plainSetting(settings, 'region');
  const arn = device.startsWith('arn:') ? device : role;
  const notices = profile.notice === undefined ? [] : [profile.notice];
  if (base !== undefined) {
    notices.push(`${profile.name} is assumed with the session of ${names.shortTerm}`);
  }
  return {
    file,
    names,
    key,
    source: { accessKeyId: key.accessKeyId, device, role },
    durationSeconds: choices.chooseDuration(asked.durationSeconds, env, role),
    region: chooseStsRegion({ flag: asked.region, env, profileRegion }, arn),
    sessionName: choices.chooseSessionName(asked.roleSessionName, env),
    notices,
  };
}

/** Suffixes are aws-mfa's: who gives one means these very sections. */
function hasOwnKey(files: AwsFiles, names: choices.SectionNames, asked: MfaOptions): boolean {
  const isNamed = Boolean(asked.longTermSuffix) || Boolean(asked.shortTermSuffix);
  return isNamed || sectionValues(files.credentials, names.longTerm) !== undefined;
}
