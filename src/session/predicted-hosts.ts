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
  const [suffix, dualStackSuffix] = dnsSuffixes(region);
  const isDualStack = envValue(env, 'AWS_USE_DUALSTACK_ENDPOINT') === 'true';
  const domain = isDualStack ? dualStackSuffix : suffix;
  if (domain === undefined) return undefined;
  const fips = envValue(env, 'AWS_USE_FIPS_ENDPOINT') === 'true' ? '-fips' : '';
  const host = (service: string): URL => new URL(`https://${service}${fips}.${region}.${domain}`);
  return {
    api: endpoint(env, 'SSM') ?? host('ssm'),
    gateway: endpoint(env, 'SSMMESSAGES') ?? host('ssmmessages'),
  };
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
