/**
 * What botocore makes of environment and files: the library of the AWS CLI v1, boto3 and, in a copy,
 * of the AWS CLI v2. Read in `credentials.py`, `session.py` and `configloader.py` of 1.43 and checked
 * against it (test/integration/tools.test.ts).
 */
import { envValue } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import type { IniDocument } from '../../aws/files/ini-document.ts';
import { sectionValues } from '../../aws/files/ini-document.ts';
import { configProfileName } from '../profiles.ts';
import type { ToolReading, ToolSource } from './tool-source.ts';

type Settings = ReadonlyMap<string, string>;

/** What differs between the tools that are made of botocore. */
export interface BotocoreOptions {
  /** `--profile`. Then the environment's keys do not count. */
  profile: string | undefined;
  /** Variables that name the profile, the first that is set counts. */
  profileVariables: readonly string[];
  regionVariables: readonly string[];
}

/** The variables of the AWS CLI v1 and boto3: the older name first. */
export const CLI_1 = {
  profileVariables: ['AWS_DEFAULT_PROFILE', 'AWS_PROFILE'],
  regionVariables: ['AWS_DEFAULT_REGION'],
} as const;

export const CLI_2 = {
  profileVariables: ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE'],
  regionVariables: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
} as const;

/** A file of which botocore reads nothing. */
export interface RefusedFile {
  refused: string;
}

export interface BotocoreFiles {
  credentials: IniDocument | RefusedFile;
  config: IniDocument | RefusedFile;
}

/** Problems for which configparser gives up on a whole file. */
const REFUSED = new Set<string>([
  'bom',
  'no-section',
  'no-delimiter',
  'duplicate-section',
  'duplicate-key',
  'bad-nested',
]);

export function botocoreReading(
  files: BotocoreFiles,
  env: Environment,
  options: BotocoreOptions,
): ToolReading {
  const named = options.profile ?? firstSet(env, options.profileVariables);
  const profile = named ?? 'default';
  const region = firstSet(env, options.regionVariables);
  for (const file of [files.config, files.credentials]) {
    const why = refusal(file);
    if (why !== undefined) return { profile, region, source: { kind: 'error', why } };
  }
  const chain = new BotocoreChain(files as Whole, env);
  const settings = chain.merged(profile);
  if (settings === undefined && named !== undefined) {
    const why = `there is no profile ${profile}`;
    return { profile, region, source: { kind: 'error', why } };
  }
  return {
    profile,
    region: plain(region ?? settings?.get('region')),
    source: chain.source(profile, options.profile !== undefined),
  };
}

type Whole = { credentials: IniDocument; config: IniDocument };

function refusal(file: IniDocument | RefusedFile): string | undefined {
  if ('refused' in file) return file.refused;
  const problem = file.problems.find(({ kind }) => REFUSED.has(kind));
  return problem === undefined
    ? undefined
    : `it refuses a whole file for line ${problem.line}: ${problem.message}`;
}

/** The order in which botocore looks for credentials (`create_credential_resolver`). */
class BotocoreChain {
  readonly #credentials: ReadonlyMap<string, Settings>;
  readonly #config: ReadonlyMap<string, Settings>;
  readonly #ssoSessions: ReadonlyMap<string, Settings>;
  readonly #env: Environment;
  readonly #visited: string[] = [];

  constructor({ credentials, config }: Whole, env: Environment) {
    this.#credentials = new Map(sections(credentials).map(({ name, values }) => [name, values]));
    const configSections = sections(config);
    // `[default]` and `[profile default]`: the one further down.
    this.#config = new Map(
      configSections.flatMap(({ name, values }) => {
        const profile = configProfileName(name) ?? (name === 'default' ? name : undefined);
        return profile === undefined ? [] : [[profile, values] as const];
      }),
    );
    this.#ssoSessions = new Map(
      configSections.flatMap(({ name, values }) => {
        const session = configProfileName(name.replace(/^sso-session(?=\s)/, 'profile'));
        return name.startsWith('sso-session') && session !== undefined ? [[session, values]] : [];
      }),
    );
    this.#env = env;
  }

  /** Both files together, the credentials file wins key by key. */
  merged(profile: string): Settings | undefined {
    const parts = [this.#config.get(profile), this.#credentials.get(profile)];
    if (parts.every((part) => part === undefined)) return undefined;
    return new Map(parts.flatMap((part) => [...(part ?? [])]));
  }

  source(profile: string, isExplicit: boolean): ToolSource {
    this.#visited.push(profile);
    const ofEnvironment = isExplicit ? undefined : environmentKeys(this.#env);
    if (ofEnvironment !== undefined) return ofEnvironment;
    const settings = this.merged(profile) ?? new Map<string, string>();
    if (isRole(settings)) return this.#role(profile, settings);
    return this.#ofProfile(profile, isExplicit) ?? { kind: 'machine' };
  }

  #role(profile: string, settings: Settings): ToolSource {
    const source = settings.get('source_profile');
    const named = settings.get('credential_source');
    if (source !== undefined && named !== undefined) {
      return error(`[${profile}] has both source_profile and credential_source`);
    }
    if (source === undefined && named === undefined) {
      return error(`[${profile}] has role_arn and no source_profile`);
    }
    const from =
      source === undefined
        ? namedSource(named ?? '', this.#env)
        : this.#sourceProfile(profile, source);
    if (from.kind === 'error') return from;
    return { kind: 'role', profile, roleArn: settings.get('role_arn') ?? '', from };
  }

  #sourceProfile(parent: string, name: string): ToolSource {
    const settings = this.merged(name);
    if (settings === undefined) return error(`source_profile ${name} does not exist`);
    const isCircle = this.#visited.includes(name) && !(name === parent && hasAnyKey(settings));
    if (isCircle) return error('source_profile leads in a circle');
    this.#visited.push(name);
    if (isRole(settings) && !hasAnyKey(settings)) return this.#role(name, settings);
    return this.#ofProfile(name, true) ?? error(`source_profile ${name} has no credentials`);
  }

  /** The providers of one profile (`ProfileProviderBuilder`); undefined where none has anything. */
  #ofProfile(profile: string, isExplicit: boolean): ToolSource | undefined {
    const settings = this.merged(profile) ?? new Map<string, string>();
    return (
      this.#webIdentity(profile, settings, isExplicit) ??
      this.#identityCenter(profile, settings) ??
      staticKeys(profile, this.#credentials.get(profile)) ??
      (settings.has('login_session') ? { kind: 'login', profile } : undefined) ??
      process(profile, settings) ??
      staticKeys(profile, this.#config.get(profile))
    );
  }

  #webIdentity(profile: string, settings: Settings, isExplicit: boolean): ToolSource | undefined {
    const ofEnv = (name: string): string | undefined => (isExplicit ? undefined : this.#env[name]);
    const envToken = ofEnv('AWS_WEB_IDENTITY_TOKEN_FILE');
    const token = envToken ?? settings.get('web_identity_token_file');
    if (token === undefined || token === '') return undefined;
    const roleArn = ofEnv('AWS_ROLE_ARN') ?? settings.get('role_arn');
    if (roleArn === undefined || roleArn === '') return error('a web identity without a role');
    const place = envToken === undefined ? profile : undefined;
    return { kind: 'web-identity', profile: place, roleArn };
  }

  #identityCenter(profile: string, own: Settings): ToolSource | undefined {
    if (!own.has('sso_role_name') && !own.has('sso_account_id')) return undefined;
    const name = own.get('sso_session');
    const session = name === undefined ? new Map<string, string>() : this.#ssoSessions.get(name);
    if (session === undefined) return error(`there is no [sso-session ${name ?? ''}]`);
    const conflict = [...session].find(([key, value]) => (own.get(key) ?? value) !== value);
    if (conflict !== undefined) {
      return error(`${conflict[0]} of [${profile}] is not that of its sso-session`);
    }
    const settings = new Map([...own, ...session]);
    const needed = ['sso_role_name', 'sso_account_id', 'sso_start_url', 'sso_region'];
    const missing = needed.find((key) => !settings.has(key));
    if (missing !== undefined) return error(`[${profile}] has no ${missing}`);
    return {
      kind: 'identity-center',
      profile,
      account: settings.get('sso_account_id') ?? '',
      role: settings.get('sso_role_name') ?? '',
    };
  }
}

/** Every section with what `[DEFAULT]` gives all of them. */
function sections(document: IniDocument): { name: string; values: Settings }[] {
  const inherited = sectionValues(document, 'DEFAULT') ?? new Map<string, string>();
  return document.sections
    .filter(({ name }) => name !== 'DEFAULT')
    .map(({ name }) => ({
      name,
      values: new Map([...inherited, ...(sectionValues(document, name) ?? [])]),
    }));
}

function staticKeys(profile: string, section: Settings | undefined): ToolSource | undefined {
  const accessKeyId = section?.get('aws_access_key_id');
  if (section === undefined || accessKeyId === undefined) return undefined;
  const secretAccessKey = section.get('aws_secret_access_key');
  if (secretAccessKey === undefined) {
    return error(`[${profile}] has no aws_secret_access_key beside its aws_access_key_id`);
  }
  const sessionToken = section.get('aws_security_token') ?? section.get('aws_session_token');
  return { kind: 'keys', profile, keys: { accessKeyId, secretAccessKey, sessionToken } };
}

function process(profile: string, settings: Settings): ToolSource | undefined {
  const command = settings.get('credential_process');
  return command === undefined ? undefined : { kind: 'credential-process', profile, command };
}

function environmentKeys(env: Environment): ToolSource | undefined {
  const accessKeyId = envValue(env, 'AWS_ACCESS_KEY_ID');
  if (accessKeyId === undefined) return undefined;
  const secretAccessKey = envValue(env, 'AWS_SECRET_ACCESS_KEY');
  if (secretAccessKey === undefined) return error('AWS_SECRET_ACCESS_KEY is not set');
  const sessionToken = envValue(env, 'AWS_SECURITY_TOKEN') ?? envValue(env, 'AWS_SESSION_TOKEN');
  const keys = { accessKeyId, secretAccessKey, sessionToken };
  return { kind: 'keys', profile: undefined, keys };
}

function namedSource(name: string, env: Environment): ToolSource {
  if (name === 'Environment') return environmentKeys(env) ?? error('AWS_ACCESS_KEY_ID is not set');
  if (name === 'EcsContainer' || name === 'Ec2InstanceMetadata') return { kind: 'named', name };
  return error(`credential_source ${name} is none`);
}

function isRole(settings: Settings): boolean {
  return settings.has('role_arn') && !settings.has('web_identity_token_file');
}

function hasAnyKey(settings: Settings): boolean {
  return settings.has('aws_access_key_id') || settings.has('aws_secret_access_key');
}

/** Of the variables, the first that is there: an empty one, too. */
function firstSet(env: Environment, names: readonly string[]): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined);
}

function plain(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}

function error(why: string): ToolSource {
  return { kind: 'error', why };
}
