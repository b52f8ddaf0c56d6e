import { plainSetting, profileSettings } from './profiles.ts';
import type { AwsFiles } from './profiles.ts';
import { pointerOf } from './section-pointer.ts';

/** Where a profile's credentials come from, in the order in which the AWS SDK looks (2.1). */
export type SourceKind =
  | 'role'
  | 'session'
  | 'long-term-key'
  | 'web-identity'
  | 'credential-process'
  | 'identity-center'
  | 'login'
  | 'none';

/** What one profile says of its credentials. */
export interface ProfileSource {
  profile: string;
  kind: SourceKind;
  settings: ReadonlyMap<string, string>;
  /** Of a role: the profile it is assumed with; undefined for `credential_source`. */
  source: string | undefined;
}

/** Reads what a profile says; undefined for one that is in neither file. */
export function profileSource(files: AwsFiles, profile: string): ProfileSource | undefined {
  const settings = profileSettings(files, profile);
  if (settings === undefined) return undefined;
  const kind = kindOf(settings);
  const source = kind === 'role' ? plainSetting(settings, 'source_profile') : undefined;
  return { profile, kind, settings, source };
}

/**
 * A profile and those that its roles are assumed with, the one in front first. Stops at a profile
 * that is missing or was met before, so that the last entry is where the chain cannot go on.
 */
export function sourceChain(files: AwsFiles, profile: string): ProfileSource[] {
  const chain: ProfileSource[] = [];
  let name: string | undefined = profile;
  while (name !== undefined && !chain.some((entry) => entry.profile === name)) {
    const entry = profileSource(files, name);
    if (entry === undefined) break;
    // Its own keys are what a role in the same profile starts from.
    if (chain.length > 0) entry.kind = ownKind(entry.settings) ?? entry.kind;
    chain.push(entry);
    name = entry.kind === 'role' ? entry.source : undefined;
  }
  return chain;
}

function kindOf(settings: ReadonlyMap<string, string>): SourceKind {
  const has = (key: string): boolean => plainSetting(settings, key) !== undefined;
  if (has('role_arn') && has('source_profile') !== has('credential_source')) return 'role';
  const own = ownKind(settings);
  if (own !== undefined) return own;
  if (has('role_arn') && has('web_identity_token_file')) return 'web-identity';
  if (has('credential_process')) return 'credential-process';
  if (has('sso_session') || has('sso_start_url')) return 'identity-center';
  return has('login_session') ? 'login' : 'none';
}

/** Of credentials in the profile itself, or that devaccess reads for it from where it says. */
function ownKind(settings: ReadonlyMap<string, string>): 'session' | 'long-term-key' | undefined {
  if (settings.has('aws_access_key_id') && settings.has('aws_secret_access_key')) {
    const isLongTerm = plainSetting(settings, 'aws_session_token') === undefined;
    return isLongTerm ? 'long-term-key' : 'session';
  }
  return pointerOf(settings) === undefined ? undefined : 'long-term-key';
}
