import { findingLine } from '../platform/finding.ts';
import { awsConfigFile, awsCredentialsFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { environmentFindings, fileFindings } from './file-findings.ts';
import type { KeyPlace } from './stored-keys/key-places.ts';
import { profileEnd } from './profile-end.ts';
import type { ProfileEnd } from './profile-end.ts';
import { profileSource } from './profile-source.ts';
import type { ProfileSource, SourceKind } from './profile-source.ts';
import {
  chooseProfile,
  configProfileNames,
  plainSetting,
  profileSettings,
  readAwsFiles,
  refuseUnknown,
} from './profiles.ts';
import type { AwsFiles } from './profiles.ts';
import { profileFindings } from './profile-findings.ts';
import { pointerOf } from './section-pointer.ts';
import { storeFindings } from './stored-keys/store-findings.ts';
import type { VerifiedIdentity } from './verify-identity.ts';

/** What is known of one profile. Holds no secret. */
export interface ProfileStatus {
  profile: string;
  kind: SourceKind;
  /** `long`: a key that works until it is disabled; `short`: credentials that end; null: none. */
  term: 'long' | 'short' | null;
  /** For people: where its credentials come from. */
  source: string;
  /** Twelve digits, as far as the files tell. */
  account: string | null;
  /** ARN of the role its credentials are of. */
  role: string | null;
  mfaDevice: string | null;
  /** Last four characters of the access key in the files. */
  accessKeyIdSuffix: string | null;
  /** Where the long-term key behind it is; null where none is known. */
  keyPlace: KeyPlace | null;
  /** `unknown`: whatever gives them knows when they end. */
  state: 'endless' | 'valid' | 'expired' | 'missing' | 'unknown';
  /** ISO 8601, UTC. */
  expiration: string | null;
  secondsLeft: number | null;
  warnings: string[];
  /** With `--verify`: who AWS says this is, or why it did not say. */
  verified?: VerifiedIdentity;
}

/** What `devaccess status --json` prints. */
export interface CredentialsStatus {
  /** The profile that is used where none is named. */
  current: string;
  profiles: ProfileStatus[];
  /** About the files and the environment, not about one profile. */
  warnings: string[];
}

/**
 * Reads the state of every profile from the files alone.
 *
 * @param only one profile instead of all
 * @throws DevaccessError DA_NO_PROFILE, DA_FILE_NOT_READABLE, DA_FILE_ENCODING
 */
export function credentialsStatus(
  env: Environment,
  nowMs: number,
  only: string | undefined,
): CredentialsStatus {
  const files = readAwsFiles(env);
  const choice = chooseProfile(only, env);
  if (only !== undefined) refuseUnknown(only, env);
  const names = only === undefined ? profileNames(files) : [only];
  return {
    current: chooseProfile(undefined, env).name,
    profiles: names.map((name) => profileStatus(files, name, env, nowMs)),
    warnings: [
      ...(choice.notice === undefined ? [] : [choice.notice]),
      ...environmentFindings(env).map(({ what }) => what),
      ...fileFindings(files, awsCredentialsFile(env), awsConfigFile(env)).map(findingLine),
      ...storeFindings(files, env).map(({ what }) => what),
    ],
  };
}

/** Profiles of both files; also those that have a long-term key and no session yet. */
function profileNames(files: AwsFiles): string[] {
  const named = [
    ...files.credentials.sections.map(({ name }) => name),
    ...configProfileNames(files.config),
  ];
  const expected = named.flatMap((name) => /^(.+)-long-term$/.exec(name)?.[1] ?? []);
  return [...new Set([...expected, ...named])].sort((one, other) => {
    // The default first, then by name.
    if (one === 'default' || other === 'default') return one === 'default' ? -1 : 1;
    return one < other ? -1 : 1;
  });
}

function profileStatus(
  files: AwsFiles,
  profile: string,
  env: Environment,
  nowMs: number,
): ProfileStatus {
  const found = profileSource(files, profile);
  const longTerm = profileSettings(files, `${profile}-long-term`);
  const kind = found?.kind ?? 'none';
  const setting = (key: string): string | undefined => plainSetting(found?.settings, key);
  const role = setting('assumed_role_arn') ?? setting('role_arn');
  const device =
    setting('aws_mfa_device') ??
    setting('mfa_serial') ??
    plainSetting(longTerm, 'aws_mfa_device') ??
    plainSetting(longTerm, 'mfa_serial');
  const account =
    setting('aws_account_id') ?? setting('sso_account_id') ?? accountOf(role) ?? accountOf(device);
  const keyId = setting('aws_access_key_id') ?? pointerOf(found?.settings)?.accessKeyId;
  return {
    profile,
    kind,
    term: termOf(kind),
    source: describeSource(found, longTerm !== undefined),
    account: account ?? null,
    role: role ?? null,
    mfaDevice: device ?? null,
    accessKeyIdSuffix: keyId?.slice(-4) ?? null,
    keyPlace: (kind === 'long-term-key' ? placeOf(found?.settings) : placeOf(longTerm)) ?? null,
    ...stateOf(profileEnd(files, profile, env).end, nowMs),
    warnings: profileFindings(files, profile).map(({ what }) => what),
  };
}

function stateOf(
  end: ProfileEnd,
  nowMs: number,
): Pick<ProfileStatus, 'state' | 'expiration' | 'secondsLeft'> {
  if (end.kind !== 'at') return { state: end.kind, expiration: null, secondsLeft: null };
  return {
    state: end.timeMs > nowMs ? 'valid' : 'expired',
    expiration: new Date(end.timeMs).toISOString(),
    secondsLeft: Math.max(0, Math.floor((end.timeMs - nowMs) / 1000)),
  };
}

function termOf(kind: SourceKind): ProfileStatus['term'] {
  if (kind === 'none') return null;
  return kind === 'long-term-key' ? 'long' : 'short';
}

function describeSource(found: ProfileSource | undefined, hasLongTerm: boolean): string {
  const setting = (key: string): string | undefined => plainSetting(found?.settings, key);
  switch (found?.kind) {
    case 'role':
      return `role ${roleName(setting('role_arn'))} from ${found.source ?? setting('credential_source') ?? ''}`;
    case 'session': {
      const role = setting('assumed_role_arn');
      if (role !== undefined) return `session of role ${roleName(role)}`;
      return hasLongTerm ? 'MFA session' : 'session';
    }
    case 'long-term-key':
      return PLACES[placeOf(found.settings) ?? 'plain'];
    case 'web-identity':
      return `role ${roleName(setting('role_arn'))} by web identity`;
    case 'credential-process':
      return 'credential_process';
    case 'identity-center': {
      const name = setting('sso_role_name') ?? '';
      return `${name} of IAM Identity Center ${setting('sso_session') ?? ''}`.trim();
    }
    case 'login':
      return 'aws login';
    case 'none':
    case undefined:
      return hasLongTerm ? 'no session yet' : 'no credentials of its own';
  }
}

const PLACES: Readonly<Record<KeyPlace, string>> = {
  plain: 'long-term key',
  keychain: 'long-term key in keychain',
  file: 'long-term key in encrypted file',
};

function placeOf(settings: ReadonlyMap<string, string> | undefined): KeyPlace | undefined {
  if (settings?.has('aws_access_key_id') === true) return 'plain';
  return pointerOf(settings)?.store;
}

/** The name without its path. */
function roleName(arn = ''): string {
  return arn.split('/').at(-1) ?? arn;
}

function accountOf(arn: string | undefined): string | undefined {
  return /^arn:[\w-]+:iam::(\d{12}):/.exec(arn ?? '')?.[1];
}
