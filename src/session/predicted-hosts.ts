import { readFileSync } from 'node:fs';
import { dnsSuffixes } from '../aws/dns-suffixes.ts';
import { awsConfigFile, envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/** Where the first API call and the stream of a session will most likely go. */
export interface PredictedHosts {
  api: URL;
  gateway: URL;
}

/** Settings of the config file that move endpoints; then it is for the SDK to say where. */
const MOVES_ENDPOINTS = /endpoint_url|use_fips_endpoint|use_dualstack_endpoint/;

/**
 * Tells from region and environment alone, before the SDK is loaded, which hosts a session will
 * talk to. A wrong answer costs a connection that is closed again, so it keeps silent when in doubt.
 *
 * @param config text of the AWS config file
 */
export function predictHosts(
  region: string | undefined,
  env: Environment,
  config: string,
): PredictedHosts | undefined {
  if (region === undefined || MOVES_ENDPOINTS.test(config)) return undefined;
  const kind = {
    isFips: envValue(env, 'AWS_USE_FIPS_ENDPOINT') === 'true',
    isDualStack: envValue(env, 'AWS_USE_DUALSTACK_ENDPOINT') === 'true',
  };
  const api = endpoint(env, 'SSM') ?? usualHost('ssm', region, kind);
  const gateway = endpoint(env, 'SSMMESSAGES') ?? usualHost('ssmmessages', region, kind);
  return api === undefined || gateway === undefined ? undefined : { api, gateway };
}

/** AWS's own host of a service, by its usual form; undefined for a region of no known partition. */
export function usualHost(
  service: 'ssm' | 'ssmmessages',
  region: string,
  { isFips, isDualStack }: { isFips: boolean; isDualStack: boolean },
): URL | undefined {
  const suffix = dnsSuffixes(region)[isDualStack ? 1 : 0];
  if (suffix === undefined) return undefined;
  return new URL(`https://${service}${isFips ? '-fips' : ''}.${region}.${suffix}`);
}

/** The text of the config file; empty when it cannot be read. */
export function readConfigText(env: Environment): string {
  try {
    return readFileSync(awsConfigFile(env), 'utf8');
  } catch {
    return '';
  }
}

function endpoint(env: Environment, service: string): URL | undefined {
  if (envValue(env, 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS') === 'true') return undefined;
  const text = envValue(env, `AWS_ENDPOINT_URL_${service}`) ?? envValue(env, 'AWS_ENDPOINT_URL');
  return text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
}
