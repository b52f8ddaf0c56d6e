import { readFileSync } from 'node:fs';
import { DevaccessError } from '../platform/errors.ts';
import { awsConfigFile, envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/** `ssmmessages` has no SDK client: it is where streams go. */
export type Service = 'ec2' | 'kms' | 'ssm' | 'ssmmessages' | 'sts';

/** The endpoints a person configured. */
export interface ConfiguredEndpoints {
  /** That of one service. */
  of(service: Service): URL | undefined;
  /** That of one service, else the one for all. */
  for(service: Service): URL | undefined;
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
  const files = hasEndpoints(env) ? await configSections(profile, env) : undefined;
  const ofEnvironment = (service: Service): Setting =>
    setting(env, `AWS_ENDPOINT_URL_${service.toUpperCase()}`);
  const ofFile = (service: Service): Setting => setting(files?.services, `${service}.endpoint_url`);
  return {
    of: (service) => url(ofEnvironment(service) ?? ofFile(service)),
    for: (service) =>
      url(
        ofEnvironment(service) ??
          setting(env, 'AWS_ENDPOINT_URL') ??
          ofFile(service) ??
          setting(files?.profile, 'endpoint_url'),
      ),
  };
}

const NONE: ConfiguredEndpoints = { of: () => undefined, for: () => undefined };

type Setting = { name: string; value: string } | undefined;
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

/** A look at the text is cheaper than the SDK's reader, and most people configure none. */
function hasEndpoints(env: Environment): boolean {
  try {
    return readFileSync(awsConfigFile(env), 'utf8').includes('endpoint_url');
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
  if (section?.['ignore_configured_endpoint_urls'] === 'true') {
    return { profile: undefined, services: undefined };
  }
  const { services } = section ?? {};
  const name = services === undefined ? undefined : `services.${services}`;
  return { profile: section, services: name === undefined ? undefined : configFile[name] };
}
