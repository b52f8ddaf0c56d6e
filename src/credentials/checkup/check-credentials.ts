import { checkRegion } from '../../aws/region.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import { nearest } from '../../platform/nearest.ts';
import { awsConfigFile, awsCredentialsFile } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { environmentFindings, fileFindings } from '../file-findings.ts';
import type { IdentityQuestion } from './identity-findings.ts';
import { inspectFile } from './inspect-file.ts';
import type { InspectedFile } from './inspect-file.ts';
import { mfaSetup } from './mfa-findings.ts';
import { profileFindings } from '../profile-findings.ts';
import { sourceChain } from '../profile-source.ts';
import {
  chooseProfile,
  configProfileName,
  configProfileNames,
  profileSettings,
} from '../profiles.ts';
import type { AwsFiles, ProfileChoice } from '../profiles.ts';
import { NEEDS_PERSON, sessionFindings } from './session-findings.ts';
import { readAsTools } from '../tools/read-files.ts';
import { DISAGREE, toolViews, withCauses } from '../tools/tool-views.ts';
import type { AskedFor, ToolView } from '../tools/tool-views.ts';

/** Profiles that are not in use and have something to say; the rest is left to `devaccess status`. */
const MAX_OTHER_FINDINGS = 5;

/** What files and environment tell of the credentials in use. Holds no secret but in `question`. */
export interface CredentialsCheckup {
  profile: string;
  /** What chose the profile. */
  profileFrom: ProfileChoice['origin'];
  region: string | undefined;
  tools: ToolView[];
  findings: { files: Finding[]; credentials: Finding[]; mfa: Finding[] };
  /** For `identityFindings`. */
  question: IdentityQuestion;
}

/**
 * Looks at the files, the environment and what every AWS tool would make of them. Asks nobody, and
 * survives files that cannot be read.
 *
 * @param env made safe by `makeEnvironmentSafe`
 * @throws DevaccessError DA_USAGE for a region asked for that is none
 */
export async function checkCredentials(
  asked: AskedFor,
  env: Environment,
  nowMs: number,
): Promise<CredentialsCheckup> {
  if (asked.region !== undefined) checkRegion(asked.region);
  const credentials = inspectFile(awsCredentialsFile(env), true);
  const config = inspectFile(awsConfigFile(env), false);
  const read = await readAsTools({ credentials, config }, env);
  const choice = chooseProfile(asked.profile, env);
  const tools = toolViews(read, env, asked);
  const { region, findings: ofRegion } = regionFindings(tools.own.region);
  const mfa = mfaSetup({ files: read.own, profile: choice.name, region }, env);
  const chosen: Chosen = { files: read.own, choice, asked, hasLongTermKey: mfa.hasLongTermKey };
  // Of what could not be read nothing is known, and that is told with the file.
  const isBlind = [credentials, config].some(({ findings }) => findings.some(isProblem));
  const inUse = isBlind
    ? []
    : await inUseFindings(chosen, tools.own.source.kind === 'machine', env, nowMs);
  const ofFiles = [
    ...readFindings(credentials),
    ...readFindings(config),
    ...fileFindings(read.own, credentials.path, config.path),
  ];
  const names = [
    choice.name,
    ...sourceChain(read.own, choice.name).map((entry) => entry.profile),
    `${choice.name}-long-term`,
  ];
  const ofChoice = [
    ...environmentFindings(env),
    ...ofRegion,
    ...[...new Set(names)].flatMap((name) => namedFindings(read.own, name)),
    // Of a profile that is not there nothing else is to be said.
    ...tools.findings.filter(({ id }) => id !== DISAGREE || !inUse.some(isNoProfile)),
    ...inUse,
  ];
  const causes = [...problemsOf(read.own, names), ...ofChoice.map(({ id }) => id)];
  return {
    profile: choice.name,
    profileFrom: choice.origin,
    region,
    tools: tools.views,
    findings: {
      files: ofFiles,
      credentials: [...withCauses(ofChoice, causes), ...ofOthers(read.own, names)],
      mfa: mfa.findings,
    },
    question: {
      asked,
      reading: tools.own,
      setup: mfa.setup,
      isUsable: !isBlind && !inUse.some(({ id }) => NEEDS_PERSON.has(id) || HOPELESS.has(id)),
    },
  };
}

/** Then there is nobody to ask AWS about. */
const HOPELESS: ReadonlySet<string> = new Set(['no-profile', 'no-credentials']);

interface Chosen {
  files: AwsFiles;
  choice: ProfileChoice;
  asked: AskedFor;
  hasLongTermKey: boolean;
}

async function inUseFindings(
  { files, choice, asked, hasLongTermKey }: Chosen,
  isOfMachine: boolean,
  env: Environment,
  nowMs: number,
): Promise<Finding[]> {
  const isThere = profileSettings(files, choice.name) !== undefined || hasLongTermKey;
  if (!isThere && choice.origin !== 'fallback') return [noProfile(files, choice.name)];
  if (isOfMachine && !hasLongTermKey) {
    const what =
      'There are no credentials in files or environment; those of this machine are used, if it has a role';
    const fix = { command: 'devaccess mfa --setup' };
    return [finding('machine-credentials', 'warning', what, fix)];
  }
  return sessionFindings(files, { profile: asked.profile, hasLongTermKey }, env, nowMs);
}

function noProfile(files: AwsFiles, name: string): Finding {
  const names = profileNames(files);
  const near = nearest(name, names);
  const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
  return finding('no-profile', 'problem', `There is no profile ${name}; ${known}`, {
    edit: near === undefined ? 'name another (--profile, AWS_PROFILE)' : `did you mean ${near}?`,
  });
}

function readFindings({ path, isRead, findings }: InspectedFile): Finding[] {
  if (!isRead) return findings;
  return [finding('file-read', 'ok', `${path} is there and can be read`), ...findings];
}

/** Devaccess cannot list servers without a region. */
function regionFindings(named: string | undefined): {
  region: string | undefined;
  findings: Finding[];
} {
  const fix = { edit: 'set AWS_REGION, or region = … of the profile in ~/.aws/config' };
  if (named === undefined) {
    const found = finding('no-region', 'problem', 'No AWS region is configured', fix);
    return { region: undefined, findings: [found] };
  }
  try {
    return { region: checkRegion(named), findings: [] };
  } catch (error) {
    const what = error instanceof DevaccessError ? error.message : 'The region is none';
    return { region: undefined, findings: [finding('region-malformed', 'problem', what, fix)] };
  }
}

function isProblem({ severity }: Finding): boolean {
  return severity === 'problem';
}

function isNoProfile({ id }: Finding): boolean {
  return id === 'no-profile';
}

/** Ids of what is wrong with the lines of some profiles, and with whole files. */
function problemsOf({ credentials, config }: AwsFiles, names: readonly string[]): string[] {
  const isOfName = (section: string): boolean =>
    names.includes(section) || names.includes(configProfileName(section) ?? '');
  return [credentials, config].flatMap(({ problems, sections }) =>
    problems
      .filter(
        ({ line, isFatal }) =>
          isFatal ||
          sections.some(
            (section) => isOfName(section.name) && line > section.line && line <= section.endLine,
          ),
      )
      .map(({ kind }) => `ini-${kind}`),
  );
}

/** A few lines about profiles that are not in use. */
function ofOthers(files: AwsFiles, inUse: readonly string[]): Finding[] {
  const findings = profileNames(files)
    .filter((name) => !inUse.includes(name))
    .flatMap((name) => namedFindings(files, name));
  const unsaid = findings.length - MAX_OTHER_FINDINGS;
  if (unsaid <= 0) return findings;
  const rest = finding('profile-more', 'warning', `${unsaid} more about other profiles`, {
    command: 'devaccess status',
  });
  return [...findings.slice(0, MAX_OTHER_FINDINGS), rest];
}

function namedFindings(files: AwsFiles, profile: string): Finding[] {
  return profileFindings(files, profile).map((found) => ({
    ...found,
    what: `Profile ${profile}: ${found.what}`,
  }));
}

function profileNames({ credentials, config }: AwsFiles): string[] {
  const names = [...credentials.sections.map(({ name }) => name), ...configProfileNames(config)];
  // That `[profile p]` is none in the credentials file is told with the file.
  return [...new Set(names)].filter((name) => !name.startsWith('profile ')).sort();
}
