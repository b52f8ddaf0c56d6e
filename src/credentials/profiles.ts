import { DevaccessError } from '../platform/errors.ts';
import { awsConfigFile, awsCredentialsFile, envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { readTextFile } from '../platform/safe-file.ts';
import { parseIni, sectionValues, withoutComment } from '../aws/files/ini-document.ts';
import type { IniDocument } from '../aws/files/ini-document.ts';

export interface ProfileChoice {
  name: string;
  /** What chose it; `fallback` is the profile `default` nobody named. */
  origin: 'flag' | 'AWS_PROFILE' | 'AWS_DEFAULT_PROFILE' | 'fallback';
  /** Something the person should know, such as two variables that disagree. */
  notice: string | undefined;
}

/** Both shared files, read once. A missing file reads as an empty one. */
export interface AwsFiles {
  credentials: IniDocument;
  config: IniDocument;
}

/**
 * The profile to use: flag, AWS_PROFILE, AWS_DEFAULT_PROFILE, `default` (2.1). AWS tools disagree
 * on the order of the two variables, so a difference is pointed out.
 */
export function chooseProfile(flag: string | undefined, env: Environment): ProfileChoice {
  if (flag !== undefined && flag !== '') return { name: flag, origin: 'flag', notice: undefined };
  const first = envValue(env, 'AWS_PROFILE');
  const second = envValue(env, 'AWS_DEFAULT_PROFILE');
  if (first !== undefined) {
    const differs = second !== undefined && second !== first;
    const notice = `AWS_PROFILE (${first}) is used; AWS_DEFAULT_PROFILE names ${second ?? ''}, which some AWS tools prefer`;
    return { name: first, origin: 'AWS_PROFILE', notice: differs ? notice : undefined };
  }
  if (second !== undefined) {
    return { name: second, origin: 'AWS_DEFAULT_PROFILE', notice: undefined };
  }
  return { name: 'default', origin: 'fallback', notice: undefined };
}

/**
 * Reads the shared credentials and config files.
 *
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_ENCODING
 */
export function readAwsFiles(env: Environment): AwsFiles {
  return {
    credentials: parseIni(readTextFile(awsCredentialsFile(env)) ?? ''),
    config: parseIni(readTextFile(awsConfigFile(env)) ?? ''),
  };
}

/**
 * The settings of a profile: both files merged key by key, the credentials file wins (2.1).
 * Undefined when neither file has the profile.
 */
export function profileSettings(
  files: AwsFiles,
  name: string,
): ReadonlyMap<string, string> | undefined {
  const fromConfig = configSection(files.config, name);
  const fromCredentials = sectionValues(files.credentials, name);
  if (fromConfig === undefined && fromCredentials === undefined) return undefined;
  return new Map([...(fromConfig ?? []), ...(fromCredentials ?? [])]);
}

/**
 * Refuses a profile that is in neither file, nor has a long-term key that `devaccess mfa` could use.
 *
 * @throws DevaccessError DA_NO_PROFILE
 */
export function refuseUnknown(name: string, env: Environment): void {
  const files = readAwsFiles(env);
  const isKnown = [name, `${name}-long-term`].some(
    (section) => profileSettings(files, section) !== undefined,
  );
  if (isKnown) return;
  throw new DevaccessError('DA_NO_PROFILE', `There is no AWS profile ${name}`, {
    next: 'check the name; profiles are in ~/.aws/credentials and ~/.aws/config',
  });
}

/** A setting that can hold no blank, without an inline comment; empty counts as unset. */
export function plainSetting(
  settings: ReadonlyMap<string, string> | undefined,
  key: string,
): string | undefined {
  const value = withoutComment(settings?.get(key) ?? '');
  return value === '' ? undefined : value;
}

/** Names of the profiles that can be used, or could once they have a session, without repeats. */
export function profileNames({ credentials, config }: AwsFiles): string[] {
  const names = [...credentials.sections.map(({ name }) => name), ...configProfileNames(config)];
  return [...new Set(names.map((name) => name.replace(/-long-term$/, '')))];
}

/** Names of the profiles in a config file. */
export function configProfileNames(config: IniDocument): string[] {
  return config.sections.flatMap(
    ({ name }) => configProfileName(name) ?? (name === 'default' ? [name] : []),
  );
}

/**
 * The values of a profile in a config file: `[profile NAME]`, NAME bare or quoted; for `default`
 * also `[default]`, which the former beats.
 */
export function configSection(
  config: IniDocument,
  name: string,
): ReadonlyMap<string, string> | undefined {
  const prefixed = config.sections.find((section) => configProfileName(section.name) === name);
  if (prefixed !== undefined) return sectionValues(config, prefixed.name);
  return name === 'default' ? sectionValues(config, 'default') : undefined;
}

/** The profile a section `profile NAME` is for. */
export function configProfileName(section: string): string | undefined {
  const match = /^profile[ \t]+(?:"([^"]*)"|'([^']*)'|(\S+))$/.exec(section);
  return match?.[1] ?? match?.[2] ?? match?.[3];
}
