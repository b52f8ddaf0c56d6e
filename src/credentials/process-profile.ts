import { credentialProcessLine } from '../aws/process-line.ts';
import type { OwnProgram } from '../aws/process-line.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import { plainSetting, profileSettings, readAwsFiles, refuseUnknown } from './profiles.ts';

/** Names both SDKs can read (2.2); of these the shell that some SDKs start expands none. */
const PROFILE = /^[\w\-@+.:/]+$/;

export interface ProcessProfile {
  /** The profile to ask for. */
  profile: string;
  /** The one that gets the line; it must be another. */
  name: string;
  program: OwnProgram;
}

/**
 * A profile for the config file whose `credential_process` every SDK runs alike.
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
  const region = plainSetting(settings, 'region');
  return newProcessProfile({ name, line: processLine(profile, program), region }, env);
}

export interface NewProcessProfile {
  name: string;
  /** What its `credential_process` is set to. */
  line: string;
  region: string | undefined;
}

/**
 * A profile for the config file that has a `credential_process`.
 *
 * @throws DevaccessError DA_PROFILE_EXISTS, DA_USAGE
 */
export function newProcessProfile(
  { name, line, region }: NewProcessProfile,
  env: Environment,
): string {
  checkProfile(name);
  // Static keys in a profile of this name would silently be taken instead.
  if (profileSettings(readAwsFiles(env), name) !== undefined) {
    throw new DevaccessError('DA_PROFILE_EXISTS', `There is a profile ${name} already`, {
      next: 'give --as another name',
      exitCode: EXIT.usage,
    });
  }
  const section = name === 'default' ? '[default]' : `[profile ${name}]`;
  const lines = [
    section,
    `credential_process = ${line}`,
    ...(region === undefined ? [] : [`region = ${region}`]),
  ];
  return lines.map((each) => `${each}\n`).join('');
}

/** What `credential_process` is set to. @throws DevaccessError DA_UNQUOTABLE_PATH, DA_USAGE */
export function processLine(profile: string, program: OwnProgram): string {
  checkProfile(profile);
  return credentialProcessLine(program, ['credential-process', '--profile', profile]);
}

function checkProfile(name: string): void {
  if (PROFILE.test(name) && !name.startsWith('-')) return;
  throw new DevaccessError('DA_USAGE', `'${name}' cannot be in a credential_process line`, {
    next: 'use letters, digits and - _ . @ + : / only',
    exitCode: EXIT.usage,
  });
}
