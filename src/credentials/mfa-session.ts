/** The decisions of `devaccess mfa`, without any input or output (1.3–1.7, 1.11). */
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { withoutComment } from './ini-document.ts';

type Values = ReadonlyMap<string, string>;

/** Seconds a session must still last to be kept. */
export const DEFAULT_MARGIN_SECONDS = 300;
const DEFAULT_DURATION_SECONDS = 43_200;
/** Non-secret marker of what a session was made from. */
const SOURCE_KEY = 'devaccess_source';

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
  const isNone = (suffix: string): boolean => suffix.toLowerCase() === 'none';
  const long = longSuffix === undefined || longSuffix === '' ? 'long-term' : longSuffix;
  const short = shortSuffix === undefined || shortSuffix === '' ? 'none' : shortSuffix;
  const longTerm = isNone(long) ? profile : `${profile}-${long}`;
  const shortTerm = isNone(short) ? profile : `${profile}-${short}`;
  if (longTerm === shortTerm) {
    throw usage(
      `The long-term and the short-term section would both be [${longTerm}]`,
      'give --short-term-suffix another value',
    );
  }
  return { longTerm, shortTerm };
}

export interface LongTermKey {
  accessKeyId: string;
  secretAccessKey: string;
}

/**
 * The long-term key pair of a section.
 *
 * @throws DevaccessError DA_NO_LONG_TERM_KEY when the section or one of its keys is missing
 */
export function longTermKey(section: Values | undefined, name: string, file: string): LongTermKey {
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
 * Seconds the session is to last: flag, MFA_STS_DURATION, else twelve hours. 0 counts as not given.
 *
 * @throws DevaccessError DA_USAGE outside 900..129600, the limits of GetSessionToken
 */
export function chooseDuration(flag: number | undefined, env: Environment): number {
  const named = envValue(env, 'MFA_STS_DURATION');
  const wanted = flag === undefined || flag === 0 ? named : String(flag);
  if (wanted === undefined) return DEFAULT_DURATION_SECONDS;
  const seconds = /^\s*\d{1,9}\s*$/.test(wanted) ? Number(wanted) : Number.NaN;
  if (seconds >= 900 && seconds <= 129_600) return seconds;
  throw usage(
    `'${wanted}' is not a session duration`,
    'give seconds from 900 to 129600 (15 minutes to 36 hours)',
  );
}

/** The role aws-mfa would assume: MFA_ASSUME_ROLE, else `assume_role` of the long-term section. */
export function wantedRole(env: Environment, settings: Values): string | undefined {
  const fromFile = withoutComment(settings.get('assume_role') ?? '');
  return envValue(env, 'MFA_ASSUME_ROLE') ?? (fromFile === '' ? undefined : fromFile);
}

/**
 * Checks the form of an MFA code.
 *
 * @throws DevaccessError DA_USAGE
 */
export function checkCode(code: string): string {
  if (isCode(code)) return code;
  throw usage('An MFA code is six digits', 'type the code your device shows now');
}

function isCode(code: string): boolean {
  return /^\d{6}$/.test(code);
}

export type Decision =
  { action: 'keep'; expirationMs: number } | { action: 'refresh'; reason: string };

/** What a session would be made from. */
export interface SessionSource {
  accessKeyId: string;
  device: string;
}

const NEEDED = [
  'assumed_role',
  'aws_access_key_id',
  'aws_secret_access_key',
  'aws_session_token',
  'aws_security_token',
  'expiration',
];

/**
 * Keep the stored session or get a new one (1.7, with the margin and source of 1.11).
 *
 * @param section the short-term section, undefined when there is none
 * @param nowMs the present, in milliseconds since the epoch
 */
export function decide(
  section: Values | undefined,
  source: SessionSource,
  options: { force: boolean; nowMs: number; marginSeconds: number },
): Decision {
  const refresh = (reason: string): Decision => ({ action: 'refresh', reason });
  if (section === undefined) return refresh('there is no session yet');
  const missing = NEEDED.find((key) => withoutComment(section.get(key) ?? '') === '');
  if (missing !== undefined) return refresh(`the stored session has no ${missing}`);
  if (options.force) return refresh('as asked by --force');
  if (section.has('assumed_role_arn')) return refresh('the stored session is one of a role');
  if (section.get('aws_session_token') !== section.get('aws_security_token')) {
    return refresh('the stored session has two different tokens');
  }
  if (!matchesSource(section, source)) {
    return refresh('the stored session was made with another key or device');
  }
  const expirationMs = parseExpiration(section.get('expiration') ?? '');
  if (expirationMs === undefined) return refresh('the stored expiration cannot be read');
  const leftMs = expirationMs - options.nowMs;
  if (leftMs <= 0) return refresh('the session has expired');
  if (leftMs < options.marginSeconds * 1000) return refresh('the session expires within minutes');
  return { action: 'keep', expirationMs };
}

/** Temporary credentials as STS returns them. */
export interface SessionCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expirationMs: number;
}

/** What is written for a session, in the order of aws-mfa; both token keys or tools disagree. */
export function sessionChanges(
  session: SessionCredentials,
  source: SessionSource,
): Record<string, string | null> {
  return {
    assumed_role: 'False',
    assumed_role_arn: null,
    aws_access_key_id: session.accessKeyId,
    aws_secret_access_key: session.secretAccessKey,
    aws_session_token: session.sessionToken,
    aws_security_token: session.sessionToken,
    expiration: formatExpiration(session.expirationMs),
    [SOURCE_KEY]: sourceMarker(session.accessKeyId, source),
  };
}

/**
 * Reads an expiration: aws-mfa's `YYYY-MM-DD HH:MM:SS` in UTC, also with `T`, a fraction, `Z` or
 * an offset. Milliseconds since the epoch, undefined when it is none of these.
 */
export function parseExpiration(text: string): number | undefined {
  const form =
    /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?\s?(Z|[+-]\d{2}:?\d{2})?$/i;
  const match = form.exec(text.trim());
  if (match === null) return undefined;
  const [, date = '', time = '', fraction = '0', zone = 'Z'] = match;
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : zone.replace(/^(...):?/, '$1:');
  const parsed = Date.parse(`${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`);
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** aws-mfa's format: `YYYY-MM-DD HH:MM:SS`, UTC. */
export function formatExpiration(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ');
}

/**
 * Names the session it belongs to: when another tool renews the section without knowing the
 * marker, the marker is seen to be stale and means nothing.
 */
function sourceMarker(sessionKeyId: string, source: SessionSource): string {
  return `${sessionKeyId.slice(-4)} from ${source.accessKeyId.slice(-4)} with ${source.device}`;
}

function matchesSource(section: Values, source: SessionSource): boolean {
  const marker = section.get(SOURCE_KEY);
  const sessionKeyId = section.get('aws_access_key_id') ?? '';
  if (marker?.startsWith(`${sessionKeyId.slice(-4)} from `) !== true) return true;
  return marker === sourceMarker(sessionKeyId, source);
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
