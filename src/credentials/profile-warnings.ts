import { isMadeFromKey, SOURCE_KEY } from '../aws/session-source.ts';
import { sectionValues } from './ini-document.ts';
import { sourceChain } from './profile-source.ts';
import { configSection, plainSetting, profileSettings } from './profiles.ts';
import type { AwsFiles } from './profiles.ts';
import { hasUnknownPointer, pointerOf } from './section-pointer.ts';

type Settings = ReadonlyMap<string, string>;

/** Names the SDK for JavaScript can see. */
const NAME = /^[\w\-@+.%:/]+$/;

/** Whatever in one profile works by chance, for some tools only, or not as it reads. */
export function profileWarnings(files: AwsFiles, profile: string): string[] {
  const settings = profileSettings(files, profile);
  const warnings: string[] = [];
  if (!NAME.test(profile)) {
    warnings.push('its name has characters that the SDK for JavaScript does not see');
  }
  if (settings === undefined) return warnings;
  return [
    ...warnings,
    ...keyWarnings(files, profile, settings),
    ...storeWarnings(settings),
    ...sessionWarnings(files, profile, settings),
    ...roleWarnings(files, profile, settings),
  ];
}

function keyWarnings(files: AwsFiles, profile: string, settings: Settings): string[] {
  const warnings: string[] = [];
  const pair = ['aws_access_key_id', 'aws_secret_access_key'];
  const present = pair.filter((key) => settings.has(key));
  if (present.length === 1) {
    const missing = pair.find((key) => !settings.has(key)) ?? '';
    warnings.push(`it has ${present[0] ?? ''} and no ${missing}`);
  }
  // Botocore looks at one file at a time, the SDK for JavaScript at both together.
  const places = [sectionValues(files.credentials, profile), configSection(files.config, profile)];
  const isSplit = places.some((place) => pair.filter((key) => place?.has(key)).length === 1);
  if (present.length === 2 && isSplit) {
    warnings.push('its key is split over both files, which the AWS CLI and boto3 refuse');
  }
  if (present.length > 0 && settings.has('credential_process')) {
    warnings.push('its static keys are used; credential_process beside them never is');
  }
  return warnings;
}

function storeWarnings(settings: Settings): string[] {
  if (hasUnknownPointer(settings)) {
    return ['it says that its key is elsewhere, in words that this devaccess does not understand'];
  }
  const isBoth = pointerOf(settings) !== undefined && settings.has('aws_access_key_id');
  return isBoth
    ? ['its key is in plain text, although it says that its key is elsewhere; the former counts']
    : [];
}

function sessionWarnings(files: AwsFiles, profile: string, settings: Settings): string[] {
  const token = settings.get('aws_session_token');
  const legacy = settings.get('aws_security_token');
  const warnings: string[] = [];
  if (legacy !== undefined && legacy !== token) {
    warnings.push(
      'aws_security_token differs from aws_session_token: the AWS CLI and boto3 use the former',
    );
  }
  if (token === undefined) return warnings;
  if (!settings.has('expiration')) warnings.push('nothing says when its session ends');
  const keyId = plainSetting(settings, 'aws_access_key_id') ?? '';
  const longTerm = sectionValues(files.credentials, `${profile}-long-term`);
  const longTermKeyId =
    plainSetting(longTerm, 'aws_access_key_id') ?? pointerOf(longTerm)?.accessKeyId;
  const isOther =
    longTermKeyId !== undefined &&
    isMadeFromKey(settings.get(SOURCE_KEY), keyId, longTermKeyId) === false;
  if (isOther) warnings.push(`its session was made with another key than [${profile}-long-term]`);
  return warnings;
}

function roleWarnings(files: AwsFiles, profile: string, settings: Settings): string[] {
  if (!settings.has('role_arn')) return [];
  const has = (key: string): boolean => plainSetting(settings, key) !== undefined;
  const source = plainSetting(settings, 'source_profile');
  if (source !== undefined && has('credential_source')) {
    return ['it has source_profile and credential_source; only one may be there'];
  }
  if (source === undefined) {
    const isWhole = has('credential_source') || has('web_identity_token_file');
    return isWhole ? [] : ['its role_arn is not used: source_profile is missing'];
  }
  const chain = sourceChain(files, profile);
  const last = chain.at(-1);
  if (last?.kind === 'role' && last.source !== undefined) {
    const isCircle = chain.some((entry) => entry.profile === last.source);
    return [
      isCircle
        ? 'its source_profile leads in a circle'
        : `its source_profile ${last.source} does not exist`,
    ];
  }
  const asked = Number(plainSetting(settings, 'duration_seconds') ?? 0);
  const isFromSession = chain.length > 2 || last?.kind !== 'long-term-key' || has('mfa_serial');
  return asked > 3600 && isFromSession
    ? ['it asks for more than the hour that AWS gives a role assumed from a session']
    : [];
}
