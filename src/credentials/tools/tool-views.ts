import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import { envValue } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { chooseProfile, plainSetting, profileSettings } from '../profiles.ts';
import type { AwsFiles } from '../profiles.ts';
import { botocoreReading, CLI_1, CLI_2 } from './botocore-reading.ts';
import type { BotocoreFiles } from './botocore-reading.ts';
import { javaScriptReading } from './javascript-reading.ts';
import type { JavaScriptFiles } from './javascript-reading.ts';
import { describeSource, difference, keySuffix, sourceDigest } from './tool-source.ts';
import type { ToolReading } from './tool-source.ts';

/** What one tool would do with environment and files. Holds no secret. */
export interface ToolView {
  tool: 'aws-cli-1' | 'aws-cli-2' | 'sdk-js-3' | 'devaccess';
  /** For people. */
  name: string;
  /** The profile it looks at; null where the environment's keys come first. */
  profile: string | null;
  region: string | null;
  kind: ToolReading['source']['kind'];
  /** For people: where its credentials come from. */
  source: string;
  accessKeyIdSuffix: string | null;
}

/** The files as each of the tools reads them. */
export interface ReadFiles {
  own: AwsFiles;
  botocore: BotocoreFiles;
  javaScript: JavaScriptFiles;
}

/** A person's choice by flags. */
export interface AskedFor {
  profile: string | undefined;
  region: string | undefined;
}

const NAMES = {
  'aws-cli-1': 'the AWS CLI v1 and boto3',
  'aws-cli-2': 'the AWS CLI v2',
  'sdk-js-3': 'the SDK for JavaScript v3',
  devaccess: 'devaccess',
} as const;

/** Which credentials and region each tool would use for the same profile, and where they disagree. */
export function toolViews(
  files: ReadFiles,
  env: Environment,
  asked: AskedFor,
): { views: ToolView[]; findings: Finding[]; own: ToolReading } {
  const { profile } = asked;
  const own = ownReading(files, env, asked);
  const readings: [ToolView['tool'], ToolReading][] = [
    ['aws-cli-1', botocoreReading(files.botocore, env, { profile, ...CLI_1 })],
    ['aws-cli-2', botocoreReading(files.botocore, env, { profile, ...CLI_2 })],
    ['sdk-js-3', javaScriptReading(files.javaScript, env, profile)],
    ['devaccess', own],
  ];
  const findings = [
    ...profileVariables(env, asked),
    ...sourceFindings(readings),
    ...regionFindings(readings, asked),
  ];
  return { views: readings.map(viewOf), findings, own };
}

/** As `chooseIdentity` and `chooseRegion` do, over the SDK's chain of sources. */
function ownReading(
  { own, javaScript }: ReadFiles,
  env: Environment,
  asked: AskedFor,
): ToolReading {
  const { name, origin } = chooseProfile(asked.profile, env);
  const usesEnvironment = origin === 'fallback' && envValue(env, 'AWS_ACCESS_KEY_ID') !== undefined;
  const reading = javaScriptReading(javaScript, env, usesEnvironment ? undefined : name);
  const region =
    asked.region ??
    envValue(env, 'AWS_REGION') ??
    envValue(env, 'AWS_DEFAULT_REGION') ??
    plainSetting(profileSettings(own, name), 'region');
  return { ...reading, region };
}

function viewOf([tool, { profile, region, source }]: [ToolView['tool'], ToolReading]): ToolView {
  const isEnvironment = source.kind === 'keys' && source.profile === undefined;
  return {
    tool,
    name: NAMES[tool],
    profile: isEnvironment ? null : profile,
    region: region ?? null,
    kind: source.kind,
    source: describeSource(source),
    accessKeyIdSuffix: keySuffix(source),
  };
}

function sourceFindings(readings: readonly [ToolView['tool'], ToolReading][]): Finding[] {
  const groups = grouped(readings, ({ source }) => sourceDigest(source));
  const [first] = groups;
  if (first === undefined) return [];
  const { source } = first.reading;
  if (groups.length > 1) {
    const said = groups.map(({ tools, reading }) => {
      const differs = reading === first.reading ? '' : difference(source, reading.source);
      return `${tools}: ${describeSource(reading.source)}${differs}`;
    });
    const what = `AWS tools do not use the same credentials: ${said.join('; ')}`;
    return [finding(DISAGREE, 'warning', what)];
  }
  // What is the matter is told for itself.
  if (source.kind === 'machine' || source.kind === 'error') return [];
  const what = `All AWS tools use the same: ${describeSource(source)}`;
  return [finding('tools-agree', 'ok', what)];
}

/** The id of the finding that `withCauses` completes. */
export const DISAGREE = 'tools-disagree';

/** Tells with a disagreement which of the other findings are behind it. */
export function withCauses(findings: readonly Finding[], causes: readonly string[]): Finding[] {
  const known = [...new Set(causes)].filter((id) => CAUSES.has(id) || id.startsWith('ini-'));
  const edit =
    (known.length === 0 ? '' : `put right ${known.join(', ')}, or `) +
    'give tools the credentials of devaccess: devaccess exec -- COMMAND';
  return findings.map((found) => (found.id === DISAGREE ? { ...found, fix: { edit } } : found));
}

/** Findings that make tools disagree, beside those about lines of a file. */
const CAUSES = new Set([
  'default-twice',
  'environment-keys-and-profile',
  'environment-legacy-token',
  'key-half',
  'key-split',
  'keys-and-identity-center',
  'legacy-token',
  'profile-name',
  'profile-variable-empty',
  'profile-variable-old',
  'profile-variables-differ',
  'role-no-source',
  'role-two-sources',
]);

function regionFindings(
  readings: readonly [ToolView['tool'], ToolReading][],
  asked: AskedFor,
): Finding[] {
  if (asked.region !== undefined) return [];
  const groups = grouped(readings, ({ region }) => region ?? '');
  if (groups.length <= 1) return [];
  const said = groups.map(({ tools, reading }) => `${tools}: ${reading.region ?? 'none'}`);
  return [
    finding(
      'tools-disagree-region',
      'warning',
      `AWS tools do not use the same region: ${said.join('; ')}`,
      {
        edit: 'set AWS_REGION and AWS_DEFAULT_REGION to the same, or leave both to region of the profile',
      },
    ),
  ];
}

/** Tools with the same answer, in the order of the first of each. */
function grouped(
  readings: readonly [ToolView['tool'], ToolReading][],
  answer: (reading: ToolReading) => string,
): { tools: string; reading: ToolReading }[] {
  const groups = new Map<string, { names: string[]; reading: ToolReading }>();
  for (const [tool, reading] of readings) {
    const key = answer(reading);
    const group = groups.get(key) ?? { names: [], reading };
    group.names.push(NAMES[tool]);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ names, reading }) => ({ tools: names.join(', '), reading }));
}

/** The two variables for the profile, which no two of the tools treat alike (2.1). */
function profileVariables(env: Environment, { profile }: AskedFor): Finding[] {
  const [first, second] = [env['AWS_PROFILE'], env['AWS_DEFAULT_PROFILE']];
  const empty = ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE'].filter((name) => env[name] === '');
  const findings = empty.map((name) =>
    finding(
      'profile-variable-empty',
      'warning',
      `${name} is empty, which the AWS CLI and boto3 take for the name of a profile`,
      {
        command: `unset ${name}`,
      },
    ),
  );
  if (profile !== undefined || !second || first === '') return findings;
  if (!first) {
    return [
      ...findings,
      finding(
        'profile-variable-old',
        'warning',
        `AWS_DEFAULT_PROFILE (${second}) is not known to the SDK for JavaScript and others: they use default`,
        {
          edit: 'set AWS_PROFILE instead',
        },
      ),
    ];
  }
  if (first === second) return findings;
  return [
    ...findings,
    finding(
      'profile-variables-differ',
      'warning',
      `AWS_PROFILE is ${first} and AWS_DEFAULT_PROFILE is ${second}: the AWS CLI v1 and boto3 use the latter, all others the former`,
      {
        command: 'unset AWS_DEFAULT_PROFILE',
      },
    ),
  ];
}
