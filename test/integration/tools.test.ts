import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { inspectFile } from '../../src/credentials/checkup/inspect-file.ts';
import { botocoreReading, CLI_1 } from '../../src/credentials/tools/botocore-reading.ts';
import { javaScriptReading } from '../../src/credentials/tools/javascript-reading.ts';
import { readAsTools } from '../../src/credentials/tools/read-files.ts';
import type { ToolReading, ToolSource } from '../../src/credentials/tools/tool-source.ts';
import { awsConfigFile, awsCredentialsFile } from '../../src/platform/paths.ts';
import { CaseFolder, hasBoto3 } from './support/real-tools.ts';
import type { Observed, ToolCase } from './support/real-tools.ts';

const folder = new CaseFolder();
afterAll(() => folder.remove());

const ROLE = 'arn:aws:iam::123456789012:role/admin';
const key = (id: string, token?: string): string =>
  `aws_access_key_id = ${id}\naws_secret_access_key = secret-${id}\n` +
  (token === undefined ? '' : `aws_session_token = ${token}\n`);
const ENV_KEYS = { AWS_ACCESS_KEY_ID: 'ENV', AWS_SECRET_ACCESS_KEY: 'env-secret' };
const TWO = `[default]\n${key('D')}[p]\n${key('P')}[q]\n${key('Q')}`;

/** What the models say, in the terms of what is observed. */
async function readings(
  given: ToolCase,
): Promise<{ botocore: ToolReading; javaScript: ToolReading }> {
  const env = folder.prepared(given);
  const files = await readAsTools(
    {
      credentials: inspectFile(awsCredentialsFile(env), true),
      config: inspectFile(awsConfigFile(env), false),
    },
    env,
  );
  const { profile } = given;
  return {
    botocore: botocoreReading(files.botocore, env, { profile, ...CLI_1 }),
    javaScript: javaScriptReading(files.javaScript, env, profile),
  };
}

function asObserved(source: ToolSource): Omit<Observed, 'region'> {
  switch (source.kind) {
    case 'keys': {
      const { accessKeyId, secretAccessKey, sessionToken = null } = source.keys;
      // Indented lines below an empty value are no value.
      const flat = (text: string): string => (text.startsWith('\n') ? '(block)' : text);
      return {
        kind: 'keys',
        keys: [flat(accessKeyId), flat(secretAccessKey), sessionToken && flat(sessionToken)],
      };
    }
    case 'role':
      return { kind: 'role', role: source.roleArn, from: asObserved(source.from) };
    case 'web-identity':
      return { kind: 'web-identity', role: source.roleArn };
    case 'credential-process':
      return { kind: 'credential-process', keys: ['FROMPROCESS', 'process-secret', null] };
    default:
      return { kind: source.kind };
  }
}

const CASES: Record<string, ToolCase> = {
  nothing: {},
  'keys of default': { credentials: TWO },
  AWS_PROFILE: { credentials: TWO, env: { AWS_PROFILE: 'p' } },
  AWS_DEFAULT_PROFILE: { credentials: TWO, env: { AWS_DEFAULT_PROFILE: 'q' } },
  'both profile variables': {
    credentials: TWO,
    env: { AWS_PROFILE: 'p', AWS_DEFAULT_PROFILE: 'q' },
  },
  'an empty AWS_PROFILE': { credentials: TWO, env: { AWS_PROFILE: '' } },
  'an empty AWS_DEFAULT_PROFILE': {
    credentials: TWO,
    env: { AWS_DEFAULT_PROFILE: '', AWS_PROFILE: 'p' },
  },
  'a profile by name': { credentials: TWO, profile: 'p', env: { AWS_PROFILE: 'q', ...ENV_KEYS } },
  'a profile that is not there': { credentials: TWO, env: { AWS_PROFILE: 'nope' } },
  'keys in the environment': { credentials: TWO, env: ENV_KEYS },
  'keys in the environment and AWS_PROFILE': {
    credentials: TWO,
    env: { ...ENV_KEYS, AWS_PROFILE: 'p' },
  },
  'keys in the environment and a profile that is not there': {
    env: { ...ENV_KEYS, AWS_PROFILE: 'nope' },
  },
  'half a key in the environment': { credentials: TWO, env: { AWS_ACCESS_KEY_ID: 'ENV' } },
  'two tokens in the environment': {
    env: { ...ENV_KEYS, AWS_SESSION_TOKEN: 'new', AWS_SECURITY_TOKEN: 'old' },
  },
  'two tokens in the file': {
    credentials: `[default]\n${key('A', 'new')}aws_security_token = old\n`,
  },
  'a legacy token alone': { credentials: `[default]\n${key('A')}aws_security_token = old\n` },
  'a key split over both files': {
    credentials: '[default]\naws_access_key_id = A\n',
    config: '[default]\naws_secret_access_key = s\n',
  },
  'half a key': { credentials: '[default]\naws_access_key_id = A\n' },
  'a key in the config file': { config: `[profile p]\n${key('C')}`, env: { AWS_PROFILE: 'p' } },
  'keys in both files': {
    credentials: `[p]\n${key('A')}`,
    config: `[profile p]\n${key('C')}`,
    profile: 'p',
  },
  colons: { credentials: '[default]\naws_access_key_id: A\naws_secret_access_key: s\n' },
  'an inline comment': {
    credentials: `[default]\naws_access_key_id = A # mine\naws_secret_access_key = s\n`,
  },
  capitals: { credentials: '[default]\nAWS_ACCESS_KEY_ID = A\nAWS_Secret_Access_Key = s\n' },
  quotes: { credentials: '[default]\naws_access_key_id = "A"\naws_secret_access_key = s\n' },
  'an empty value': { credentials: `[default]\n${key('A')}aws_session_token =\n` },
  'an indented key': {
    credentials: '[default]\naws_access_key_id = A\n aws_secret_access_key = s\n',
  },
  'a nested line without =': { credentials: `[default]\n${key('A')}x =\n  y\n` },
  'nested lines': { credentials: `[default]\n${key('A')}s3 =\n  a = 1\n  region = x\n` },
  'a duplicate section': { credentials: `[default]\n${key('A')}[p]\nx=1\n[p]\nx=2\n` },
  'a duplicate key': { credentials: `[default]\n${key('A')}AWS_ACCESS_KEY_ID = B\n` },
  'a byte order mark': { credentials: `\ufeff[default]\n${key('A')}` },
  'text before the first section': { credentials: `x = 1\n[default]\n${key('A')}` },
  'a line that is nothing': { credentials: `[default]\n${key('A')}nothing\n` },
  'a broken config file and keys in the environment': { config: 'nothing\n', env: ENV_KEYS },
  '[DEFAULT]': { credentials: `[DEFAULT]\n${key('A')}[p]\nx = 1\n`, profile: 'p' },
  '[default] and [profile default]': {
    config: `[profile default]\n${key('A')}[default]\n${key('B')}`,
  },
  '[profile p] in the credentials file': { credentials: `[profile p]\n${key('A')}`, profile: 'p' },
  '[p] in the config file': { config: `[p]\n${key('A')}`, profile: 'p' },
  'a blank in the name': { credentials: `[my p]\n${key('A')}`, profile: 'my p' },
  'a quoted blank in the name': { config: `[profile "my p"]\n${key('A')}`, profile: 'my p' },
  'windows line ends': { credentials: TWO.replaceAll('\n', '\r\n'), profile: 'p' },
  'an empty section': { credentials: `[default]\n[p]\n${key('P')}` },
  'a process': { config: '[default]\ncredential_process = $FOLDER/process\n' },
  'a process beside keys': {
    config: '[default]\ncredential_process = $FOLDER/process\n',
    credentials: `[default]\n${key('A')}`,
  },
  'a process beside keys in the config file': {
    config: `[default]\n${key('C')}credential_process = $FOLDER/process\n`,
  },
  'a process before its arguments': {
    config: '[default]\ncredential_process = $FOLDER/process a "b c"\n',
  },
  'a role': {
    config: `[profile r]\nrole_arn = ${ROLE}\nsource_profile = p\nmfa_serial = arn:aws:iam::1:mfa/x\n`,
    credentials: TWO,
    profile: 'r',
  },
  'a role of a role': {
    config: `[profile r]\nrole_arn = ${ROLE}\nsource_profile = s\n[profile s]\nrole_arn = ${ROLE}2\nsource_profile = p\n`,
    credentials: TWO,
    profile: 'r',
  },
  'a role beside keys': {
    config: `[profile p]\nrole_arn = ${ROLE}\nsource_profile = q\n`,
    credentials: TWO,
    profile: 'p',
  },
  'a role of its own keys': {
    config: `[profile p]\nrole_arn = ${ROLE}\nsource_profile = p\n`,
    credentials: TWO,
    profile: 'p',
  },
  'a role without a source': {
    config: `[profile p]\nrole_arn = ${ROLE}\n`,
    credentials: TWO,
    profile: 'p',
  },
  'a role of two sources': {
    config: `[profile r]\nrole_arn = ${ROLE}\nsource_profile = p\ncredential_source = Environment\n`,
    credentials: TWO,
    profile: 'r',
  },
  'a role of a missing profile': {
    config: `[profile r]\nrole_arn = ${ROLE}\nsource_profile = x\n`,
    profile: 'r',
  },
  'a role of an empty profile': {
    config: `[profile r]\nrole_arn = ${ROLE}\nsource_profile = x\n[profile x]\nregion = y\n`,
    profile: 'r',
  },
  'a circle': {
    config: `[profile a]\nrole_arn = ${ROLE}\nsource_profile = b\n[profile b]\nrole_arn = ${ROLE}\nsource_profile = a\n`,
    profile: 'a',
  },
  'a role of a process': {
    config: `[profile r]\nrole_arn = ${ROLE}\nsource_profile = x\n[profile x]\ncredential_process = $FOLDER/process\n`,
    profile: 'r',
  },
  'a source with keys and a role': {
    config: `[profile r]\nrole_arn = ${ROLE}\nsource_profile = p\n[profile p]\nrole_arn = ${ROLE}2\nsource_profile = q\n`,
    credentials: TWO,
    profile: 'r',
  },
  'a web identity': {
    config: `[profile w]\nrole_arn = ${ROLE}\nweb_identity_token_file = $FOLDER/token\n`,
    profile: 'w',
  },
  'a web identity beside keys': {
    config: `[profile p]\nrole_arn = ${ROLE}\nweb_identity_token_file = $FOLDER/token\n`,
    credentials: TWO,
    profile: 'p',
  },
  'a web identity in the environment': {
    env: { AWS_WEB_IDENTITY_TOKEN_FILE: '$FOLDER/token', AWS_ROLE_ARN: ROLE },
  },
  'a web identity in the environment beside keys': {
    env: { AWS_WEB_IDENTITY_TOKEN_FILE: '$FOLDER/token', AWS_ROLE_ARN: ROLE },
    credentials: TWO,
  },
  'IAM Identity Center': {
    config:
      '[profile s]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n' +
      '[sso-session corp]\nsso_start_url = https://x.example\nsso_region = eu-west-1\n',
    profile: 's',
  },
  'IAM Identity Center beside keys': {
    config:
      '[profile p]\nsso_start_url = https://x.example\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = Dev\n',
    credentials: TWO,
    profile: 'p',
  },
  'IAM Identity Center without its session': {
    config: '[profile s]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n',
    profile: 's',
  },
  'AWS_REGION alone': {
    credentials: TWO,
    config: '[default]\nregion = eu-west-1\n',
    env: { AWS_REGION: 'us-west-2' },
  },
  'AWS_DEFAULT_REGION alone': {
    credentials: TWO,
    config: '[default]\nregion = eu-west-1\n',
    env: { AWS_DEFAULT_REGION: 'us-west-2' },
  },
  'a region in the credentials file': {
    credentials: `[default]\n${key('A')}region = eu-west-2\n`,
    config: '[default]\nregion = eu-west-1\n',
  },
};

const names = Object.keys(CASES);

/** Files of a few sections, most lines as tools read them alike, some not. */
const value = fc.constantFrom('A', 'B', 'A', 'B', 'A # c', 'B ;c', 'a#b', '"A"', '');
const delimiter = fc.constantFrom(' = ', '=', ' = ', '=', ' =', ': ');
const property = (key: string, values: fc.Arbitrary<string> = value): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(key, key, key, key.toUpperCase(), ` ${key}`), delimiter, values)
    .map((parts) => parts.join(''));
const pair = fc
  .tuple(property('aws_access_key_id'), property('aws_secret_access_key'))
  .map((lines) => lines.join('\n'));
const settings = fc
  .uniqueArray(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ key: fc.constant('pair'), line: pair }) },
      ...[
        property('aws_access_key_id'),
        property('aws_session_token'),
        property('aws_security_token'),
        property('region'),
        fc.constant(`role_arn = ${ROLE}`),
        fc.constantFrom('source_profile = p', 'source_profile = q', 'source_profile = default'),
        fc.constant('credential_source = Environment'),
        fc.constant('credential_process = $FOLDER/process'),
        fc.constant('web_identity_token_file = $FOLDER/token'),
        fc.constantFrom('s3 =\n  a = b', '# c', '', 'sso_account_id = 1'),
      ].map((line, at) => ({
        weight: 2,
        arbitrary: fc.record({ key: fc.constant(`k${at}`), line }),
      })),
    ),
    { maxLength: 4, selector: ({ key }) => key },
  )
  .map((found) => found.map(({ line }) => `${line}\n`).join(''));
const file = (headers: string[]): fc.Arbitrary<string> =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom(...headers), settings), {
      maxLength: 4,
      selector: ([header]) => header,
    })
    .map((sections) => sections.map(([header, lines]) => `${header}\n${lines}`).join(''));
const someEnv = fc.record(
  {
    AWS_PROFILE: fc.constantFrom('p', 'q', 'p', ''),
    AWS_DEFAULT_PROFILE: fc.constantFrom('p', 'default'),
    AWS_ACCESS_KEY_ID: fc.constant('E'),
    AWS_SECRET_ACCESS_KEY: fc.constant('e'),
    AWS_REGION: fc.constant('us-east-1'),
    AWS_DEFAULT_REGION: fc.constant('us-east-2'),
  },
  { requiredKeys: [] },
);
const MADE_UP: ToolCase[] = fc.sample(
  fc
    .record({
      env: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: someEnv }),
      credentials: file(['[default]', '[p]', '[q]', '[DEFAULT]', '[profile p]']),
      config: file(['[default]', '[profile p]', "[profile 'q']", '[p]']),
      profile: fc.constantFrom('p', 'q', 'default', undefined),
    })
    .map(({ profile, ...given }) => (profile === undefined ? given : { ...given, profile })),
  {
    numRuns: Number(process.env['TOOLS_RUNS'] ?? 60),
    seed: Number(process.env['TOOLS_SEED'] ?? 20261126),
  },
);

async function expectJavaScript(given: ToolCase): Promise<void> {
  const { javaScript } = await readings(given);
  const source = asObserved(javaScript.source);
  const kind = source.kind === 'error' ? 'machine' : source.kind;
  const region = javaScript.region ?? null;
  expect({ given, ...source, kind, region }).toEqual({
    given,
    ...(await folder.javaScript(given)),
  });
}

async function expectBotocore(given: ToolCase, real: Observed & { why?: string }): Promise<void> {
  const { botocore } = await readings(given);
  const { why: _why, ...observed } = real;
  const region = botocore.region ?? null;
  expect({ given, ...asObserved(botocore.source), region }).toEqual({ given, ...observed });
}

describe('the reading of the SDK for JavaScript', () => {
  it.each(names)('is that of the real one: %s', (name) => expectJavaScript(CASES[name]!));

  it('is that of the real one for files made of whatever lines', async () => {
    for (const given of MADE_UP) await expectJavaScript(given);
  });
});

describe.skipIf(!hasBoto3)('the reading of botocore', () => {
  const real = hasBoto3 ? folder.botocore(names.map((name) => CASES[name]!)) : [];
  it.each(names.map((name, at) => [name, at] as const))('is that of the real one: %s', (name, at) =>
    expectBotocore(CASES[name]!, real[at]!),
  );

  it('is that of the real one for files made of whatever lines', async () => {
    const observed = folder.botocore(MADE_UP);
    for (const [at, given] of MADE_UP.entries()) await expectBotocore(given, observed[at]!);
  });
});
