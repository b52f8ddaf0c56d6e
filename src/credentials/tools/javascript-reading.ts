/**
 * What the AWS SDK for JavaScript v3 makes of environment and files. Files are read by the SDK's own
 * reader; the order of sources is that of `credential-provider-node` and `credential-provider-ini`,
 * checked against them (test/integration/tools.test.ts).
 */
import { envValue } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import type { ToolReading, ToolSource } from './tool-source.ts';

type Section = Readonly<Record<string, string | undefined>>;

/** Sections by the profile's name, as the SDK reads both files. */
export interface JavaScriptFiles {
  credentials: Readonly<Record<string, Section>>;
  config: Readonly<Record<string, Section>>;
}

/** Reads the files with the SDK's reader; one that it cannot read has nothing in it. */
export async function readJavaScriptFiles(
  credentialsFile: string,
  configFile: string,
): Promise<JavaScriptFiles> {
  const { loadSharedConfigFiles } = await import('@smithy/core/config');
  const read = await loadSharedConfigFiles({
    filepath: credentialsFile,
    configFilepath: configFile,
    ignoreCache: true,
  });
  return { credentials: read.credentialsFile, config: read.configFile };
}

/** @param profile the one that a program names; without one AWS_PROFILE counts */
export function javaScriptReading(
  files: JavaScriptFiles,
  env: Environment,
  profile: string | undefined,
): ToolReading {
  const named = profile ?? envValue(env, 'AWS_PROFILE');
  const name = named ?? 'default';
  const region =
    envValue(env, 'AWS_REGION') ??
    files.credentials[name]?.['region'] ??
    files.config[name]?.['region'];
  return { profile: name, region, source: source(files, env, named) };
}

function source(files: JavaScriptFiles, env: Environment, named: string | undefined): ToolSource {
  const ofEnvironment = named === undefined ? environmentKeys(env) : undefined;
  if (ofEnvironment !== undefined) return ofEnvironment;
  const profile = named ?? 'default';
  const merged = mergedProfiles(files);
  const found = new JavaScriptChain(merged, env).source(profile);
  if (found !== undefined && found.kind !== 'error') return found;
  // What fails does not end the SDK's chain.
  const command = merged.get(profile)?.['credential_process'];
  if (command !== undefined) return { kind: 'credential-process', profile, command };
  const roleArn = envValue(env, 'AWS_ROLE_ARN');
  if (envValue(env, 'AWS_WEB_IDENTITY_TOKEN_FILE') !== undefined && roleArn !== undefined) {
    return { kind: 'web-identity', profile: undefined, roleArn };
  }
  return found ?? { kind: 'machine' };
}

function mergedProfiles({ credentials, config }: JavaScriptFiles): ReadonlyMap<string, Section> {
  const names = new Set([...Object.keys(config), ...Object.keys(credentials)]);
  return new Map([...names].map((name) => [name, { ...config[name], ...credentials[name] }]));
}

/** The order in which the SDK looks in a profile (`resolveProfileData`). */
class JavaScriptChain {
  readonly #profiles: ReadonlyMap<string, Section>;
  readonly #env: Environment;
  readonly #visited = new Set<string>();

  constructor(profiles: ReadonlyMap<string, Section>, env: Environment) {
    this.#profiles = profiles;
    this.#env = env;
  }

  /** Undefined where the profile has nothing, or is not there. */
  source(profile: string): ToolSource | undefined {
    const section = this.#profiles.get(profile);
    if (section === undefined) return undefined;
    if (this.#visited.size > 0 && hasKeys(section)) return staticKeys(profile, section);
    if (isRole(section) || (this.#visited.size > 0 && isNamedAlone(section))) {
      return this.#role(profile, section);
    }
    if (hasKeys(section)) return staticKeys(profile, section);
    const { role_arn: roleArn, credential_process: command } = section;
    if (section['web_identity_token_file'] !== undefined && roleArn !== undefined) {
      return { kind: 'web-identity', profile, roleArn };
    }
    if (command !== undefined) return { kind: 'credential-process', profile, command };
    if (SIGN_IN.some((key) => section[key] !== undefined))
      return this.#identityCenter(profile, section);
    return section['login_session'] === undefined ? undefined : { kind: 'login', profile };
  }

  #role(profile: string, section: Section): ToolSource {
    const { source_profile: source, role_arn: roleArn, credential_source: named } = section;
    if (source === undefined) {
      const from: ToolSource = namedSource(named ?? '', this.#env);
      if (roleArn === undefined || from.kind === 'error') return from;
      return { kind: 'role', profile, roleArn, from };
    }
    if (this.#visited.has(source)) return error('source_profile leads in a circle');
    this.#visited.add(source);
    const from =
      this.source(source) ??
      error(
        this.#profiles.has(source)
          ? `source_profile ${source} has no credentials`
          : `source_profile ${source} does not exist`,
      );
    if (from.kind === 'error' || roleArn === undefined) return from;
    return { kind: 'role', profile, roleArn, from };
  }

  #identityCenter(profile: string, section: Section): ToolSource {
    const name = section['sso_session'];
    const session = name === undefined ? {} : this.#profiles.get(`sso-session.${name}`);
    if (session === undefined) return error(`there is no [sso-session ${name ?? ''}]`);
    const settings = { ...section, ...session };
    const missing = ['sso_role_name', 'sso_account_id', 'sso_start_url', 'sso_region'].find(
      (key) => settings[key] === undefined,
    );
    if (missing !== undefined) return error(`[${profile}] has no ${missing}`);
    const { sso_account_id: account = '', sso_role_name: role = '' } = settings;
    return { kind: 'identity-center', profile, account, role };
  }
}

const SIGN_IN = ['sso_start_url', 'sso_account_id', 'sso_session', 'sso_region', 'sso_role_name'];

function isRole(section: Section): boolean {
  const { role_arn: roleArn, source_profile: source, credential_source: named } = section;
  return roleArn !== undefined && (source === undefined) !== (named === undefined);
}

function isNamedAlone(section: Section): boolean {
  return section['role_arn'] === undefined && section['credential_source'] !== undefined;
}

function hasKeys(section: Section): boolean {
  return (
    section['aws_access_key_id'] !== undefined && section['aws_secret_access_key'] !== undefined
  );
}

function staticKeys(profile: string, section: Section): ToolSource {
  const {
    aws_access_key_id: accessKeyId = '',
    aws_secret_access_key: secretAccessKey = '',
    aws_session_token: sessionToken,
  } = section;
  return { kind: 'keys', profile, keys: { accessKeyId, secretAccessKey, sessionToken } };
}

function environmentKeys(env: Environment): ToolSource | undefined {
  const accessKeyId = envValue(env, 'AWS_ACCESS_KEY_ID');
  const secretAccessKey = envValue(env, 'AWS_SECRET_ACCESS_KEY');
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const sessionToken = envValue(env, 'AWS_SESSION_TOKEN');
  const keys = { accessKeyId, secretAccessKey, sessionToken };
  return { kind: 'keys', profile: undefined, keys };
}

function namedSource(name: string, env: Environment): ToolSource {
  if (name === 'Environment') {
    return environmentKeys(env) ?? error('there is no key in the environment');
  }
  if (name === 'EcsContainer' || name === 'Ec2InstanceMetadata') return { kind: 'named', name };
  return error(`credential_source ${name} is none`);
}

function error(why: string): ToolSource {
  return { kind: 'error', why };
}
