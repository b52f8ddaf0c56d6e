import { DevaccessError } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { dnsSuffixes } from './dns-suffixes.ts';
import { readSharedFiles } from './files/shared-sections.ts';
import type { Section, SharedFiles } from './files/shared-sections.ts';

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
 * none with AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, or with that setting of the profile. The JavaScript
 * SDK reads them of AWS_PROFILE only, whatever profile a client is made for.
 *
 * @param profile undefined: AWS_PROFILE, else `default`
 * @param files where they have been read already
 * @throws DevaccessError DA_ENDPOINT for a setting that is no URL
 */
export function configuredEndpoints(
  profile: string | undefined,
  env: Environment,
  files: SharedFiles = readSharedFiles(env),
): ConfiguredEndpoints {
  if (envValue(env, 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS')?.toLowerCase() === 'true') return NONE;
  const general = profileSection(profile, env, files);
  if (general?.['ignore_configured_endpoint_urls']?.toLowerCase() === 'true') return NONE;
  const services = general?.['services'];
  const own = services === undefined ? undefined : files.config.get(`services.${services}`);
  const ofEnvironment = (service: Service): Setting =>
    setting(env, `AWS_ENDPOINT_URL_${service.toUpperCase()}`);
  const ofFile = (service: Service): Setting => setting(own, `${service}.endpoint_url`);
  const first = (service: Service): Setting =>
    ofEnvironment(service) ??
    setting(env, 'AWS_ENDPOINT_URL') ??
    ofFile(service) ??
    setting(general, 'endpoint_url');
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
 * @throws DevaccessError DA_ENDPOINT for a setting that is neither `true` nor `false`: who wants FIPS
 *   must not go without it for a misspelling
 */
export function endpointVariant(
  profile: string | undefined,
  env: Environment,
  files: SharedFiles = readSharedFiles(env),
): EndpointVariant {
  const section = profileSection(profile, env, files);
  const isOn = (name: string): boolean => {
    const variable = `AWS_${name.toUpperCase()}`;
    const found = setting(env, variable) ?? setting(section, name);
    const value = found?.value.toLowerCase() ?? 'false';
    if (value === 'true' || value === 'false') return value === 'true';
    throw new DevaccessError('DA_ENDPOINT', `${found?.name ?? name} is neither true nor false`, {
      next: 'correct or remove that setting',
    });
  };
  return { isFips: isOn('use_fips_endpoint'), isDualStack: isOn('use_dualstack_endpoint') };
}

/** AWS's own host of a service, by its usual form; undefined for a region of no known partition. */
export function usualEndpoint(
  service: 'ssm' | 'ssmmessages',
  region: string,
  { isFips, isDualStack }: EndpointVariant,
): URL | undefined {
  const suffix = dnsSuffixes(region)[isDualStack ? 1 : 0];
  if (suffix === undefined) return undefined;
  // There the usual endpoints are FIPS endpoints.
  const isFipsAnyway = service === 'ssm' && !isDualStack && region.startsWith('us-gov-');
  const prefix = isFips && !isFipsAnyway ? `${service}-fips` : service;
  return new URL(`https://${prefix}.${region}.${suffix}`);
}

function profileSection(
  profile: string | undefined,
  env: Environment,
  { config }: SharedFiles,
): Section | undefined {
  return config.get(profile ?? envValue(env, 'AWS_PROFILE') ?? 'default');
}
