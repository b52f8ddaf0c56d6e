import { dnsSuffixes } from '../aws/dns-suffixes.ts';
import { DevaccessError } from '../platform/errors.ts';
import { isLoopbackHost } from '../platform/loopback.ts';
import type { Environment } from '../platform/paths.ts';

/**
 * Where IAM Roles Anywhere of a region is asked: `--endpoint`, else what is configured for all AWS
 * tools, else AWS's own endpoint, of the FIPS or dual-stack kind where that is wanted.
 *
 * @throws DevaccessError DA_ENDPOINT for what is no address, and for plain HTTP to another machine:
 *   the answer is a secret key
 */
export async function serviceEndpoint(
  given: string | undefined,
  region: string,
  env: Environment,
): Promise<URL> {
  if (given !== undefined) return checked(asUrl(given), '--endpoint');
  // What names its endpoint does not load this.
  const { configuredEndpoints, endpointVariant } = await import('../aws/endpoints.ts');
  const configured = configuredEndpoints(undefined, env).for('rolesanywhere');
  if (configured !== undefined) return checked(configured, 'The configured endpoint');
  const { isFips, isDualStack } = endpointVariant(undefined, env);
  const [usual, dualStack] = dnsSuffixes(region);
  const suffix = (isDualStack ? dualStack : usual) ?? 'amazonaws.com';
  return new URL(`https://rolesanywhere${isFips ? '-fips' : ''}.${region}.${suffix}`);
}

/** Host and port alone are enough. */
function asUrl(text: string): URL {
  const address = text.includes('://') ? text : `https://${text}`;
  if (URL.canParse(address)) return new URL(address);
  throw refused(`--endpoint is not an address: ${text}`);
}

function checked(url: URL, name: string): URL {
  const isPlain = url.protocol === 'http:';
  if (!isPlain && url.protocol !== 'https:') throw refused(`${name} is not https: ${url.href}`);
  if (url.username !== '' || url.password !== '') throw refused(`${name} carries a user name`);
  if (isPlain && !isLoopbackHost(url.hostname)) {
    throw refused(`${name} would send secret keys unencrypted: ${url.href}`);
  }
  return url;
}

function refused(message: string): DevaccessError {
  return new DevaccessError('DA_ENDPOINT', message, { next: 'set it to https://host[:port].' });
}
