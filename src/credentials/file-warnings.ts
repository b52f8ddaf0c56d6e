import { statSync } from 'node:fs';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import type { IniDocument } from './ini-document.ts';
import { configProfileName } from './profiles.ts';
import type { AwsFiles } from './profiles.ts';

/** A file with more of them is told so. */
const MAX_PROBLEMS = 5;
/** Sections of the config file that are not profiles. */
const OTHER_SECTION = /^(sso-session|services)[ \t]|^(default|DEFAULT|preview|plugins)$/;

/** What is wrong with the two files as such (2.1, 2.2, 2.4 of the credentials facts). */
export function fileWarnings(
  { credentials, config }: AwsFiles,
  credentialsFile: string,
  configFile: string,
): string[] {
  return [
    ...modeWarnings(credentialsFile),
    ...problemWarnings(credentials, credentialsFile),
    ...credentials.sections.flatMap(({ name, line }) =>
      name.startsWith('profile ')
        ? [`${credentialsFile} line ${line + 1}: names in this file have no 'profile ' before them`]
        : [],
    ),
    // Without a secret in it, others may read it.
    ...(hasSecret(config) ? modeWarnings(configFile) : []),
    ...problemWarnings(config, configFile),
    ...sectionWarnings(config, configFile),
  ];
}

/** What is in the environment that AWS tools take differently, or instead of any profile. */
export function environmentWarnings(env: Environment): string[] {
  const has = (name: string): boolean => envValue(env, name) !== undefined;
  const warnings: string[] = [];
  if (has('AWS_ACCESS_KEY_ID')) {
    warnings.push(
      has('AWS_PROFILE')
        ? 'AWS_PROFILE and AWS_ACCESS_KEY_ID are both set: the AWS CLI and boto3 use the keys, others the profile'
        : 'AWS_ACCESS_KEY_ID is set: the keys in the environment are used where no profile is named',
    );
  }
  const legacy = envValue(env, 'AWS_SECURITY_TOKEN');
  if (legacy !== undefined && legacy !== envValue(env, 'AWS_SESSION_TOKEN')) {
    warnings.push(
      'AWS_SECURITY_TOKEN differs from AWS_SESSION_TOKEN: the AWS CLI and boto3 use the former',
    );
  }
  return warnings;
}

function hasSecret({ sections }: IniDocument): boolean {
  return sections.some(({ properties }) => properties.some(({ key }) => /secret|token$/.test(key)));
}

function modeWarnings(path: string): string[] {
  if (process.platform === 'win32') return [];
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || (stats.mode & 0o077) === 0) return [];
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
  return [`${path} can be read or written by others (mode ${mode}): chmod 600 '${path}'`];
}

function problemWarnings({ problems }: IniDocument, path: string): string[] {
  const shown = problems
    .slice(0, MAX_PROBLEMS)
    .map(({ line, message }) => `${path} line ${line}: ${message}`);
  const unsaid = problems.length - shown.length;
  return unsaid > 0 ? [...shown, `${path}: ${unsaid} more of this kind`] : shown;
}

function sectionWarnings(config: IniDocument, path: string): string[] {
  const names = config.sections.map(({ name }) => name);
  const unseen = config.sections.filter(
    ({ name }) => configProfileName(name) === undefined && !OTHER_SECTION.test(name),
  );
  const warnings = unseen.map(
    ({ name, line }) =>
      `${path} line ${line + 1}: [${name}] is no profile; that would be [profile ${name}]`,
  );
  if (names.includes('default') && names.some((name) => configProfileName(name) === 'default')) {
    warnings.push(`${path} has [default] and [profile default]: tools disagree which one counts`);
  }
  return warnings;
}
