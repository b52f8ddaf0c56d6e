import { isMadeFromKey, SOURCE_KEY } from '../aws/session-source.ts';
import { mfaCommand } from '../aws/service-errors.ts';
import { finding } from '../platform/finding.ts';
import type { Finding } from '../platform/finding.ts';
import { sectionValues } from '../aws/files/ini-document.ts';
import { sourceChain } from './profile-source.ts';
import { configSection, plainSetting, profileSettings } from './profiles.ts';
import type { AwsFiles } from './profiles.ts';
import { hasUnknownPointer, pointerOf } from './section-pointer.ts';

type Settings = ReadonlyMap<string, string>;

/** Names the SDK for JavaScript can see. */
const NAME = /^[\w\-@+.%:/]+$/;

/**
 * Whatever in one profile works by chance, for some tools only, or not as it reads. The texts go on
 * where the profile's name stands before them.
 */
export function profileFindings(files: AwsFiles, profile: string): Finding[] {
  const settings = profileSettings(files, profile);
  const findings: Finding[] = [];
  if (!NAME.test(profile)) {
    findings.push(
      finding(
        'profile-name',
        'warning',
        'its name has characters that the SDK for JavaScript does not see',
        { edit: 'use letters, digits and - _ @ + . % : / only' },
      ),
    );
  }
  if (settings === undefined) return findings;
  return [
    ...findings,
    ...keyFindings(files, profile, settings),
    ...pointerFindings(settings),
    ...processFindings(settings),
    ...sessionFindings(files, profile, settings),
    ...roleFindings(files, profile, settings),
    ...servicesFindings(files, settings),
  ];
}

function keyFindings(files: AwsFiles, profile: string, settings: Settings): Finding[] {
  const findings: Finding[] = [];
  const pair = ['aws_access_key_id', 'aws_secret_access_key'];
  const present = pair.filter((key) => settings.has(key));
  if (present.length === 1) {
    const missing = pair.find((key) => !settings.has(key)) ?? '';
    const what = `it has ${present[0] ?? ''} and no ${missing}`;
    findings.push(finding('key-half', 'warning', what, { edit: `add ${missing}` }));
  }
  // Botocore looks at one file at a time, the SDK for JavaScript at both together.
  const places = [sectionValues(files.credentials, profile), configSection(files.config, profile)];
  const isSplit = places.some((place) => pair.filter((key) => place?.has(key)).length === 1);
  if (present.length === 2 && isSplit) {
    findings.push(
      finding(
        'key-split',
        'warning',
        'its key is split over both files, which the AWS CLI and boto3 refuse',
        { edit: 'put both of its lines into the credentials file' },
      ),
    );
  }
  if (present.length > 0 && settings.has('credential_process')) {
    findings.push(
      finding(
        'keys-and-process',
        'warning',
        'its static keys are used; credential_process beside them never is',
        { edit: 'remove the keys, or credential_process' },
      ),
    );
  }
  const isSignIn = settings.has('sso_account_id') || settings.has('sso_role_name');
  if (present.length === 2 && isSignIn) {
    findings.push(
      finding(
        'keys-and-identity-center',
        'warning',
        'its static keys are used, but not by the AWS CLI and boto3, which use IAM Identity Center',
        { edit: 'remove the keys, or the sso_ settings' },
      ),
    );
  }
  return findings;
}

function pointerFindings(settings: Settings): Finding[] {
  if (hasUnknownPointer(settings)) {
    const what =
      'it says that its key is elsewhere, in words that this devaccess does not understand';
    const fix = { edit: 'update devaccess, or correct devaccess_store and devaccess_entry' };
    return [finding('key-pointer-unknown', 'warning', what, fix)];
  }
  if (pointerOf(settings) === undefined || !settings.has('aws_access_key_id')) return [];
  const what =
    'its key is in plain text, although it says that its key is elsewhere; the former counts';
  return [
    finding('key-and-pointer', 'warning', what, {
      edit: 'remove the lines of the one that does not count: devaccess_* or aws_*_key*',
    }),
  ];
}

/** Botocore splits the line itself (3.2): what only a shell knows is an argument like any other. */
function processFindings(settings: Settings): Finding[] {
  const line = settings.get('credential_process');
  if (line === undefined || !needsShell(line)) return [];
  return [
    finding(
      'process-needs-shell',
      'warning',
      'its credential_process needs a shell (~, $, pipes), and the AWS CLI and boto3 start none',
      { edit: `write absolute paths, or sh -c '…' around all of it` },
    ),
  ];
}

function needsShell(line: string): boolean {
  const unquoted = line.replaceAll(/'[^']*'/g, '').replaceAll(/"(?:[^"\\]|\\.)*"/g, (word) =>
    // A shell expands these in double quotes, too.
    /[$`]/.test(word) ? '$' : '',
  );
  return /(?:^|\s)~|[$`|&;<>*?]/.test(unquoted);
}

function sessionFindings(files: AwsFiles, profile: string, settings: Settings): Finding[] {
  const token = settings.get('aws_session_token');
  const legacy = settings.get('aws_security_token');
  const findings: Finding[] = [];
  if (legacy !== undefined && legacy !== token) {
    findings.push(
      finding(
        'legacy-token',
        'warning',
        'aws_security_token differs from aws_session_token: the AWS CLI and boto3 use the former',
        { edit: 'remove aws_security_token' },
      ),
    );
  }
  if (token === undefined) return findings;
  if (!settings.has('expiration')) {
    findings.push(finding('session-end-unknown', 'warning', 'nothing says when its session ends'));
  }
  const keyId = plainSetting(settings, 'aws_access_key_id') ?? '';
  const longTerm = sectionValues(files.credentials, `${profile}-long-term`);
  const longTermKeyId = plainSetting(longTerm, 'aws_access_key_id');
  const isOther =
    longTermKeyId !== undefined &&
    isMadeFromKey(settings.get(SOURCE_KEY), keyId, longTermKeyId) === false;
  if (isOther) {
    const what = `its session was made with another key than [${profile}-long-term]`;
    findings.push(
      finding('session-of-other-key', 'warning', what, { command: mfaCommand(profile) }),
    );
  }
  return findings;
}

function roleFindings(files: AwsFiles, profile: string, settings: Settings): Finding[] {
  if (!settings.has('role_arn')) return [];
  const has = (key: string): boolean => plainSetting(settings, key) !== undefined;
  const source = plainSetting(settings, 'source_profile');
  if (source !== undefined && has('credential_source')) {
    const what = 'it has source_profile and credential_source; only one may be there';
    return [finding('role-two-sources', 'warning', what, { edit: 'remove one of the two' })];
  }
  if (source === undefined) {
    if (has('credential_source') || has('web_identity_token_file')) return [];
    const what =
      'its role_arn is not used: source_profile is missing; the AWS CLI and boto3 refuse the profile';
    return [finding('role-no-source', 'warning', what, { edit: 'add source_profile' })];
  }
  const chain = sourceChain(files, profile);
  const last = chain.at(-1);
  if (last?.kind === 'role' && last.source !== undefined) {
    const isCircle = chain.some((entry) => entry.profile === last.source);
    const what = isCircle
      ? 'its source_profile leads in a circle'
      : `its source_profile ${last.source} does not exist`;
    const fix = { edit: 'correct source_profile' };
    return [finding(isCircle ? 'role-circle' : 'role-source-missing', 'warning', what, fix)];
  }
  const asked = Number(plainSetting(settings, 'duration_seconds') ?? 0);
  const isFromSession = chain.length > 2 || last?.kind !== 'long-term-key' || has('mfa_serial');
  if (asked <= 3600 || !isFromSession) return [];
  const what = 'it asks for more than the hour that AWS gives a role assumed from a session';
  return [finding('role-duration', 'warning', what, { edit: 'set duration_seconds = 3600' })];
}

/** Where a profile's endpoints are, by the name of their section. */
function servicesFindings({ config }: AwsFiles, settings: Settings): Finding[] {
  const name = plainSetting(settings, 'services');
  if (
    name === undefined ||
    config.sections.some((section) => section.name === `services ${name}`)
  ) {
    return [];
  }
  const what = `its services section ${name} does not exist: AWS's own endpoints are used`;
  return [
    finding('services-missing', 'warning', what, {
      edit: `add [services ${name}] to the config file`,
    }),
  ];
}
