import { statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import { awsConfigFile, awsCredentialsFile, homeDirectory } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';

/** Where nothing is. */
const NOWHERE = '/nonexistent';
const EMPTY_FILE = '/dev/null';

/**
 * Makes an environment in which everything else can be tried: there is a home, and no reader of the
 * AWS files is left waiting for a pipe or a device. SDKs read the process's own environment, so that
 * one is changed in place.
 *
 * @returns what had to be changed
 */
export function makeEnvironmentSafe(env: Record<string, string | undefined>): Finding[] {
  const findings: Finding[] = [];
  const home = homeOf(env);
  if (env['HOME'] === undefined || env['HOME'] === '') env['HOME'] = home;
  if (statOf(home)?.isDirectory() !== true) {
    const what = `Your home folder ${home} does not exist; AWS files and ssh's are looked for in it`;
    findings.push(finding('no-home', 'problem', what, { edit: 'set HOME to your home folder' }));
  }
  for (const [name, path] of [
    ['AWS_SHARED_CREDENTIALS_FILE', awsCredentialsFile(env)],
    ['AWS_CONFIG_FILE', awsConfigFile(env)],
  ] as const) {
    const stats = statOf(path);
    if (stats === undefined || stats.isFile() || path === EMPTY_FILE) continue;
    env[name] = EMPTY_FILE;
    const kind = stats.isDirectory() ? 'a folder' : 'not a regular file';
    const fix = { edit: `name a regular file in ${name}` };
    findings.push(
      finding('file-not-regular', 'problem', `${path} is ${kind}, and is not read`, fix),
    );
  }
  return findings;
}

function homeOf(env: Environment): string {
  try {
    return homeDirectory(env);
  } catch {
    // A container's user id that no passwd entry has.
    return NOWHERE;
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    // Told where it is read.
    return undefined;
  }
}
