import { statSync } from 'node:fs';
import { finding } from '../platform/finding.ts';
import type { Finding, Fix } from '../platform/finding.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { shellQuote } from '../platform/shell-quote.ts';
import type { IniDocument, IniProblem } from '../aws/files/ini-document.ts';
import { configProfileName } from './profiles.ts';
import type { AwsFiles } from './profiles.ts';

/** A file with more of them is told so. */
const MAX_PROBLEMS = 5;
/** Sections of the config file that are not profiles. */
const OTHER_SECTION = /^(sso-session|services)[ \t]|^(default|DEFAULT|preview|plugins)$/;

/** What is wrong with the two files as such (2.1, 2.2, 2.4 of the credentials facts). */
export function fileFindings(
  { credentials, config }: AwsFiles,
  credentialsFile: string,
  configFile: string,
): Finding[] {
  return [
    ...modeFindings(credentialsFile),
    ...problemFindings(credentials, credentialsFile),
    ...credentials.sections.flatMap(({ name, line }) =>
      name.startsWith('profile ')
        ? [
            finding(
              'section-prefix',
              'warning',
              `${credentialsFile} line ${line + 1}: names in this file have no 'profile ' before them`,
              { edit: `write [${name.slice('profile '.length).trim()}]` },
            ),
          ]
        : [],
    ),
    // Without a secret in it, others may read it.
    ...(hasSecret(config) ? modeFindings(configFile) : []),
    ...problemFindings(config, configFile),
    ...sectionFindings(config, configFile),
  ];
}

/** What is in the environment that AWS tools take differently, or instead of any profile. */
export function environmentFindings(env: Environment): Finding[] {
  const has = (name: string): boolean => envValue(env, name) !== undefined;
  const findings: Finding[] = [];
  if (has('AWS_ACCESS_KEY_ID')) {
    const fix = { command: 'unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN' };
    findings.push(
      has('AWS_PROFILE')
        ? finding(
            'environment-keys-and-profile',
            'warning',
            'AWS_PROFILE and AWS_ACCESS_KEY_ID are both set: the AWS CLI and boto3 use the keys, others the profile',
            { edit: 'unset one of the two' },
          )
        : finding(
            'environment-keys',
            'warning',
            'AWS_ACCESS_KEY_ID is set: the keys in the environment are used where no profile is named',
            fix,
          ),
    );
  }
  const legacy = envValue(env, 'AWS_SECURITY_TOKEN');
  if (legacy !== undefined && legacy !== envValue(env, 'AWS_SESSION_TOKEN')) {
    findings.push(
      finding(
        'environment-legacy-token',
        'warning',
        'AWS_SECURITY_TOKEN differs from AWS_SESSION_TOKEN: the AWS CLI and boto3 use the former',
        { command: 'unset AWS_SECURITY_TOKEN' },
      ),
    );
  }
  return findings;
}

function hasSecret({ sections }: IniDocument): boolean {
  return sections.some(({ properties }) => properties.some(({ key }) => /secret|token$/.test(key)));
}

function modeFindings(path: string): Finding[] {
  if (process.platform === 'win32') return [];
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || (stats.mode & 0o077) === 0) return [];
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
  return [
    finding('file-mode', 'warning', `${path} can be read or written by others (mode ${mode})`, {
      command: `chmod 600 ${shellQuote(path)}`,
    }),
  ];
}

function problemFindings({ problems }: IniDocument, path: string): Finding[] {
  const shown = problems.slice(0, MAX_PROBLEMS).map(({ kind, line, message, isFatal }) =>
    finding(`ini-${kind}`, isFatal ? 'problem' : 'warning', `${path} line ${line}: ${message}`, {
      edit: PROBLEM_FIX[kind],
    }),
  );
  const unsaid = problems.length - shown.length;
  if (unsaid <= 0) return shown;
  const severity = problems.some(({ isFatal }) => isFatal) ? 'problem' : 'warning';
  return [...shown, finding('ini-more', severity, `${path}: ${unsaid} more of this kind`)];
}

/** What to do about each kind of problem with a line; its finding is `ini-KIND`. */
export const PROBLEM_FIX: Readonly<Record<IniProblem['kind'], string>> = {
  bom: 'save the file as UTF-8 without a byte order mark',
  'lone-cr': 'remove the carriage return',
  'no-section': 'move it below the [section] it belongs to',
  'no-delimiter': 'write key = value, or begin the line with #',
  'bad-header': 'write [name] alone on its line',
  'duplicate-section': 'make one section of the two',
  'duplicate-key': 'remove one of the two lines',
  'hidden-header': 'begin the header in the first column',
  'bad-nested': 'write the value behind the =, or key = value in each indented line',
  colon: 'write = for the first :',
  'inline-comment': 'put the comment on a line of its own',
  continuation: 'begin the line in the first column',
  'default-section': 'name it [default], or move its keys into the profiles',
  'uppercase-key': 'write the key in lower case',
  quoted: 'remove the quotes',
};

function sectionFindings(config: IniDocument, path: string): Finding[] {
  const names = config.sections.map(({ name }) => name);
  const unseen = config.sections.filter(
    ({ name }) => configProfileName(name) === undefined && !OTHER_SECTION.test(name),
  );
  const findings = unseen.map(({ name, line }) => {
    const what = `${path} line ${line + 1}: [${name}] is no profile; that would be [profile ${name}]`;
    const fix: Fix = { edit: `write [profile ${name}]` };
    return finding('section-unseen', 'warning', what, fix);
  });
  if (names.includes('default') && names.some((name) => configProfileName(name) === 'default')) {
    findings.push(
      finding(
        'default-twice',
        'warning',
        `${path} has [default] and [profile default]: tools disagree which one counts`,
        { edit: 'move all of its keys into [default], and remove [profile default]' },
      ),
    );
  }
  return findings;
}
