/** What `devaccess mfa` works with, by the rules of aws-mfa (1.3–1.5) and the limits of STS (1.11). */
import { defaultSessionName } from '../aws/assume-role.ts';
import type { KeyPointer } from '../aws/key-pointer.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { withoutComment } from '../aws/files/ini-document.ts';
import { pointerOf, refuseUnknownPointer } from './section-pointer.ts';

type Values = ReadonlyMap<string, string>;

/** Seconds: the limits of GetSessionToken and AssumeRole, and what aws-mfa asks for by default. */
const SESSION_SECONDS = { min: 900, max: 129_600, default: 43_200 } as const;
const ROLE_SECONDS = { min: 900, max: 43_200, default: 3600 } as const;

export interface SectionNames {
  longTerm: string;
  shortTerm: string;
}

/**
 * The two sections of a profile by aws-mfa's suffix rule (1.5).
 *
 * @throws DevaccessError DA_USAGE when both are the same
 */
export function sectionNames(
  profile: string,
  longSuffix: string | undefined,
  shortSuffix: string | undefined,
): SectionNames {
  const longTerm = longTermName(profile, longSuffix);
  const short = shortSuffix === undefined || shortSuffix === '' ? 'none' : shortSuffix;
  const shortTerm = isNone(short) ? profile : `${profile}-${short}`;
  if (longTerm === shortTerm) {
    throw usage(
      `The long-term and the short-term section would both be [${longTerm}]`,
      'give --short-term-suffix another value',
    );
  }
  return { longTerm, shortTerm };
}

/** The section of a profile's long-term key. */
export function longTermName(profile: string, suffix: string | undefined): string {
  const long = suffix === undefined || suffix === '' ? 'long-term' : suffix;
  return isNone(long) ? profile : `${profile}-${long}`;
}

function isNone(suffix: string): boolean {
  return suffix.toLowerCase() === 'none';
}

export interface LongTermKey {
  accessKeyId: string;
  secretAccessKey: string;
}

/** The key a session is made from: at hand, or in a store that is opened when it is needed. */
export type PlannedKey = LongTermKey | { accessKeyId: string; pointer: KeyPointer };

/**
 * The long-term key pair of a section, or where the section says it is. A key in the section itself
 * counts, as it does for all AWS tools.
 *
 * @throws DevaccessError DA_NO_LONG_TERM_KEY when the section or one of its keys is missing,
 *   DA_KEY_POINTER
 */
export function longTermKey(section: Values | undefined, name: string, file: string): PlannedKey {
  if (section?.has('aws_access_key_id') === false) {
    const pointer = pointerOf(section);
    if (pointer !== undefined) return { accessKeyId: pointer.accessKeyId, pointer };
    refuseUnknownPointer(section, name);
  }
  const missing = (what: string): DevaccessError =>
    new DevaccessError('DA_NO_LONG_TERM_KEY', what, {
      next: `add [${name}] with aws_access_key_id, aws_secret_access_key and aws_mfa_device to it`,
    });
  if (section === undefined) throw missing(`There is no section [${name}] in ${file}`);
  const pick = (key: string): string => {
    const value = withoutComment(section.get(key) ?? '');
    if (value === '') throw missing(`Section [${name}] of ${file} has no ${key}`);
    return value;
  };
  return {
    accessKeyId: pick('aws_access_key_id'),
    secretAccessKey: pick('aws_secret_access_key'),
  };
}

/**
 * The MFA device: flag, MFA_DEVICE, `aws_mfa_device`, then the AWS standard key `mfa_serial`.
 *
 * @throws DevaccessError DA_NO_MFA_DEVICE when none is named, DA_USAGE for one STS cannot take
 */
export function chooseDevice(
  flag: string | undefined,
  env: Environment,
  settings: Values,
  section: string,
): string {
  const fromFile = ['aws_mfa_device', 'mfa_serial']
    .map((key) => withoutComment(settings.get(key) ?? ''))
    .find((value) => value !== '');
  const device = (flag === '' ? undefined : flag) ?? envValue(env, 'MFA_DEVICE') ?? fromFile;
  if (device === undefined) {
    throw new DevaccessError('DA_NO_MFA_DEVICE', `No MFA device is known for [${section}]`, {
      next: `add aws_mfa_device = arn:aws:iam::ACCOUNT:mfa/NAME to [${section}], or give --device`,
    });
  }
  if (/^arn:[^:]*:iam::\d*:u2f\//.test(device)) {
    throw usage(
      'A security key or passkey cannot be used with STS',
      'register a virtual MFA device (authenticator app) beside it',
    );
  }
  if (/^[\w+=/:,.@-]{9,256}$/.test(device)) return device;
  throw usage(`'${device}' is not an MFA device`, 'give its ARN or serial number');
}

/**
 * Seconds the session is to last: flag, MFA_STS_DURATION, else twelve hours, or one for a role. 0
 * counts as not given.
 *
 * @throws DevaccessError DA_USAGE outside 900..129600 (900..43200 for a role), the limits of STS
 */
export function chooseDuration(
  flag: number | undefined,
  env: Environment,
  role: string | undefined,
): number {
  const limits = role === undefined ? SESSION_SECONDS : ROLE_SECONDS;
  const named = envValue(env, 'MFA_STS_DURATION');
  const wanted = flag === undefined || flag === 0 ? named : String(flag);
  if (wanted === undefined) return limits.default;
  const seconds = /^\s*\d{1,9}\s*$/.test(wanted) ? Number(wanted) : Number.NaN;
  if (seconds >= limits.min && seconds <= limits.max) return seconds;
  const what = role === undefined ? 'a session' : 'a session of a role';
  throw usage(
    `'${wanted}' is not a duration of ${what}`,
    `give seconds from ${limits.min} to ${limits.max} (15 minutes to ${limits.max / 3600} hours)`,
  );
}

/**
 * The role to assume: flag, MFA_ASSUME_ROLE, `assume_role` of the long-term section, else none.
 *
 * @throws DevaccessError DA_USAGE for what is not the ARN of a role
 */
export function chooseRole(
  flag: string | undefined,
  env: Environment,
  longTerm: Values,
): string | undefined {
  const fromFile = withoutComment(longTerm.get('assume_role') ?? '');
  const role = [flag, envValue(env, 'MFA_ASSUME_ROLE'), fromFile].find(Boolean);
  const isRole = /^arn:aws[\w-]*:iam::\d{12}:role\/[\x21-\x7e]{1,576}$/;
  if (role === undefined || isRole.test(role)) return role;
  throw usage(`'${role}' is not the ARN of a role`, 'give arn:aws:iam::ACCOUNT:role/NAME');
}

/**
 * The name of a role's session, which CloudTrail shows: flag, else the login name made to fit.
 *
 * @throws DevaccessError DA_USAGE for a flag that STS cannot take
 */
export function chooseSessionName(flag: string | undefined, env: Environment): string {
  if (flag === undefined || flag === '') return defaultSessionName(env);
  if (/^[\w+=,.@-]{2,64}$/.test(flag)) return flag;
  throw usage(
    `'${flag}' cannot be the name of a role's session`,
    'give 2 to 64 letters, digits and _ + = , . @ -',
  );
}

/**
 * Checks the form of an MFA code.
 *
 * @throws DevaccessError DA_USAGE
 */
export function checkCode(code: string): string {
  if (/^\d{6}$/.test(code)) return code;
  throw usage('An MFA code is six digits', 'type the code your device shows now');
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
