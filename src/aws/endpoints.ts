import { readFileSync } from 'node:fs';
import { DevaccessError } from '../platform/errors.ts';
import { awsConfigFile, envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/** `ssmmessages` and the sessions of `rolesanywhere` have no SDK client. */
export type Service =
  'ec2' | 'ec2_instance_connect' | 'iam' | 'kms' | 'rolesanywhere' | 'ssm' | 'ssmmessages' | 'sts';

/** The endpoints a person configured. */
export interface ConfiguredEndpoints {
  /** That of one service. */
  of(service: Service): URL | undefined;
  /** That of one service, else the one for all. */
  for(service: Service): URL | undefined;
  /** What the person wrote for one service, or for all, and where. */
  setting(service: Service): EndpointSetting | undefined;
}

/** A configured endpoint as it is written. */
export interface EndpointSetting {
  /** `AWS_ENDPOINT_URL_SSM`, `AWS_ENDPOINT_URL`, `ssm.endpoint_url` or `endpoint_url`. */
  name: string;
  value: string;
}

/**
 * Reads the configured endpoints by the rules of all SDKs: AWS_ENDPOINT_URL_<SERVICE>,
 * AWS_ENDPOINT_URL, then in the config file the profile's `services` section and its `endpoint_url`;
 * none with AWS_IGNORE_CONFIGURED_ENDPOINT_URLS. The JavaScript SDK reads them of AWS_PROFILE only,
 * whatever profile a client is made for.
 *
 * @param profile undefined: AWS_PROFILE, else `default`
 * @throws DevaccessError DA_ENDPOINT for a setting that is no URL
 */
export async function configuredEndpoints(
  profile: string | undefined,
  env: Environment,
): Promise<ConfiguredEndpoints> {
  if (envValue(env, 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS') === 'true') return NONE;
  const found = mentions(env, /endpoint_url/) ? await configSections(profile, env) : undefined;
  const isIgnored = found?.profile?.['ignore_configured_endpoint_urls'] === 'true';
  const files = isIgnored ? undefined : found;
  const ofEnvironment = (service: Service): Setting =>
    setting(env, `AWS_ENDPOINT_URL_${service.toUpperCase()}`);
  const ofFile = (service: Service): Setting => setting(files?.services, `${service}.endpoint_url`);
  const first = (service: Service): Setting =>
    ofEnvironment(service) ??
    setting(env, 'AWS_ENDPOINT_URL') ??
    ofFile(service) ??
    setting(files?.profile, 'endpoint_url');
  return {
    of: (service) => url(ofEnvironment(service) ?? ofFile(service)),
    for: (service) => url(first(service)),
    setting: first,
  };
}

const NONE: ConfiguredEndpoints = {
  of: () => undefined,
  for: () => undefined,
  setting: () => undefined,
};

type Setting = EndpointSetting | undefined;
type Section = Readonly<Record<string, string | undefined>>;

function setting(section: Section | undefined, name: string): Setting {
  const value = section === undefined ? undefined : envValue(section, name);
  return value === undefined ? undefined : { name, value };
}

function url(found: Setting): URL | undefined {
  if (found === undefined) return undefined;
  const parsed = URL.canParse(found.value) ? new URL(found.value) : undefined;
  if (parsed !== undefined && /^(https?|wss?):$/.test(parsed.protocol)) return parsed;
  throw new DevaccessError('DA_ENDPOINT', `${found.name} is not an endpoint: ${found.value}`, {
    next: 'set it to https://host[:port].',
  });
}

/** Which of AWS's own endpoints are wanted. */
export interface EndpointVariant {
  isFips: boolean;
  isDualStack: boolean;
}

/**
 * Reads by the rules of all SDKs whether FIPS and dual-stack endpoints are wanted: the variable, then
 * the profile's setting in the config file. SDK clients do so by themselves.
 *
 * @param profile undefined: AWS_PROFILE, else `default`
 */
export async function endpointVariant(
  profile: string | undefined,
  env: Environment,
): Promise<EndpointVariant> {
  const isInFile = mentions(env, /use_(?:fips|dualstack)_endpoint/);
  const section = isInFile ? (await configSections(profile, env)).profile : undefined;
  const isOn = (name: string): boolean =>
    (envValue(env, `AWS_${name.toUpperCase()}`) ?? section?.[name])?.toLowerCase() === 'true';
  return { isFips: isOn('use_fips_endpoint'), isDualStack: isOn('use_dualstack_endpoint') };
}

/** A look at the text is cheaper than the SDK's reader, and most people configure none. */
function mentions(env: Environment, setting: RegExp): boolean {
  try {
    return setting.test(readFileSync(awsConfigFile(env), 'utf8'));
  } catch {
    return false;
  }
}

async function configSections(
  profile: string | undefined,
  env: Environment,
): Promise<{ profile: Section | undefined; services: Section | undefined }> {
  const { loadSharedConfigFiles } = await import('@smithy/core/config');
  const { configFile } = await loadSharedConfigFiles({ configFilepath: awsConfigFile(env) });
  const section = configFile[profile ?? envValue(env, 'AWS_PROFILE') ?? 'default'];
  const { services } = section ?? {};
  const name = services === undefined ? undefined : `services.${services}`;
  return { profile: section, services: name === undefined ? undefined : configFile[name] };
}
