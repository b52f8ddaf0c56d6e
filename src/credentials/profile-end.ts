import { parseExpiration } from '../aws/expiration.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { readTextFile } from '../platform/safe-file.ts';
import { identityCenterTokenFile } from './identity-center-token.ts';
import { sourceChain } from './profile-source.ts';
import type { ProfileSource } from './profile-source.ts';
import { chooseProfile, readAwsFiles } from './profiles.ts';
import type { AwsFiles } from './profiles.ts';

/**
 * When the credentials of a profile end, as far as the files tell:
 * `endless`: a long-term key; `at`: then, which may be past; `missing`: there are none to use;
 * `unknown`: whatever gives them (a process, an instance, a web identity) knows.
 */
export type ProfileEnd =
  { kind: 'endless' } | { kind: 'unknown' } | { kind: 'missing' } | { kind: 'at'; timeMs: number };

/** The credentials that are used where a profile is named, or nothing is. */
export interface UsedCredentials {
  /** Undefined for the environment's keys. */
  profile: string | undefined;
  /** Where a chain of roles begins, or the profile itself; undefined where there is no such one. */
  origin: ProfileSource | undefined;
  end: ProfileEnd;
}

/**
 * Reads which credentials are used, and when they end: for the environment's keys by
 * AWS_CREDENTIAL_EXPIRATION.
 *
 * @param files read already; by default they are read
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_ENCODING
 */
export function usedCredentials(
  profile: string | undefined,
  env: Environment,
  files?: AwsFiles,
): UsedCredentials {
  const { name, origin } = chooseProfile(profile, env);
  if (origin === 'fallback' && envValue(env, 'AWS_ACCESS_KEY_ID') !== undefined) {
    const isTemporary = envValue(env, 'AWS_SESSION_TOKEN') !== undefined;
    const end = endAt(envValue(env, 'AWS_CREDENTIAL_EXPIRATION'));
    return { profile: undefined, origin: undefined, end: isTemporary ? end : { kind: 'endless' } };
  }
  return { profile: name, ...profileEnd(files ?? readAwsFiles(env), name, env) };
}

/** Reads when the credentials of a profile end. A role can be assumed as long as its source lasts. */
export function profileEnd(
  files: AwsFiles,
  profile: string,
  env: Environment,
): { origin: ProfileSource | undefined; end: ProfileEnd } {
  const origin = sourceChain(files, profile).at(-1);
  return { origin, end: origin === undefined ? { kind: 'missing' } : endOf(origin, env) };
}

function endOf({ kind, settings, source }: ProfileSource, env: Environment): ProfileEnd {
  switch (kind) {
    case 'long-term-key':
      return { kind: 'endless' };
    case 'session':
      return endAt(settings.get('expiration'));
    case 'identity-center':
      return signInEnd(settings, env);
    case 'none':
      return { kind: 'missing' };
    case 'role':
      // The source profile is missing, or the chain a circle.
      return { kind: source === undefined ? 'unknown' : 'missing' };
    case 'web-identity':
    case 'credential-process':
    case 'login':
      return { kind: 'unknown' };
    default:
      return kind satisfies never;
  }
}

function endAt(text: string | undefined): ProfileEnd {
  const timeMs = parseExpiration(text ?? '');
  return timeMs === undefined ? { kind: 'unknown' } : { kind: 'at', timeMs };
}

/** Until when IAM Identity Center gives credentials without another sign-in. */
function signInEnd(settings: ReadonlyMap<string, string>, env: Environment): ProfileEnd {
  const file = identityCenterTokenFile(settings, env);
  try {
    const text = file === undefined ? undefined : readTextFile(file);
    if (text === undefined) return { kind: 'missing' };
    const token = JSON.parse(text) as { expiresAt?: unknown; refreshToken?: unknown };
    // Such a token is renewed by whoever uses it.
    if (typeof token.refreshToken === 'string') return { kind: 'unknown' };
    return endAt(typeof token.expiresAt === 'string' ? token.expiresAt : undefined);
  } catch {
    return { kind: 'unknown' };
  }
}
