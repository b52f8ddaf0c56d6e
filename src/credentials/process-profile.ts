import { DevaccessError, EXIT } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import { plainSetting, profileSettings, readAwsFiles, refuseUnknown } from './profiles.ts';

/** Names both SDKs can read (2.2); of these the shell that some SDKs start expands none. */
const PROFILE = /^[\w\-@+.:/]+$/;

/** Absolute paths of Node and of devaccess. */
export interface OwnProgram {
  node: string;
  script: string;
}

export interface ProcessProfile {
  /** The profile to ask for. */
  profile: string;
  /** The one that gets the line; it must be another. */
  name: string;
  program: OwnProgram;
}

/**
 * A profile for the config file whose `credential_process` every SDK runs alike, whether it splits
 * the line itself (botocore) or has a shell read it (JavaScript): absolute paths in double quotes,
 * nothing a shell or the file would take for its own (3.2).
 *
 * @throws DevaccessError DA_NO_PROFILE, DA_PROFILE_EXISTS, DA_UNQUOTABLE_PATH, DA_USAGE
 */
export function processProfile(
  { profile, name, program }: ProcessProfile,
  env: Environment,
): string {
  for (const each of [profile, name]) checkProfile(each);
  if (name === profile) {
    throw new DevaccessError('DA_USAGE', `Profile ${name} cannot ask for itself`, {
      next: 'give --as another name',
      exitCode: EXIT.usage,
    });
  }
  const files = readAwsFiles(env);
  const settings =
    profileSettings(files, profile) ?? profileSettings(files, `${profile}-long-term`);
  refuseUnknown(profile, env);
  // Static keys in a profile of this name would silently be taken instead.
  if (profileSettings(files, name) !== undefined) {
    throw new DevaccessError('DA_PROFILE_EXISTS', `There is a profile ${name} already`, {
      next: 'give --as another name',
      exitCode: EXIT.usage,
    });
  }
  const region = plainSetting(settings, 'region');
  const section = name === 'default' ? '[default]' : `[profile ${name}]`;
  return [
    section,
    `credential_process = ${processLine(profile, program)}`,
    ...(region === undefined ? [] : [`region = ${region}`]),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** What `credential_process` is set to. @throws DevaccessError DA_UNQUOTABLE_PATH, DA_USAGE */
export function processLine(profile: string, { node, script }: OwnProgram): string {
  checkProfile(profile);
  return `${quote(node)} ${quote(script)} credential-process --profile ${profile}`;
}

function checkProfile(name: string): void {
  if (PROFILE.test(name) && !name.startsWith('-')) return;
  throw new DevaccessError('DA_USAGE', `'${name}' cannot be in a credential_process line`, {
    next: 'use letters, digits and - _ . @ + : / only',
    exitCode: EXIT.usage,
  });
}

/** ` #` and ` ;` would end the value for the SDK for JavaScript. */
function quote(path: string): string {
  const isWindows = process.platform === 'win32';
  const unsafe = isWindows ? /["%!^`$\p{Cc}]|\s[#;]/u : /["\\$`%!\p{Cc}]|\s[#;]/u;
  if (!unsafe.test(path)) return `"${path}"`;
  throw new DevaccessError(
    'DA_UNQUOTABLE_PATH',
    `${path} cannot be written into a credential_process line`,
    { next: 'install devaccess and Node in folders without quotes, $, `, %, ! or backslashes' },
  );
}
