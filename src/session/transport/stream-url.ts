import { DevaccessError, printable } from '../../platform/errors.ts';
import { isLoopbackHost } from '../../platform/loopback.ts';

/** DNS suffixes of each partition by the form of its region names (AWS's partitions table). */
const PARTITIONS: readonly { regions: RegExp; suffixes: readonly string[] }[] = [
  { regions: /^cn-/, suffixes: ['amazonaws.com.cn', 'api.amazonwebservices.com.cn'] },
  { regions: /^us-gov-/, suffixes: ['amazonaws.com', 'api.aws'] },
  { regions: /^us-iso-/, suffixes: ['c2s.ic.gov', 'api.aws.ic.gov'] },
  { regions: /^us-isob-/, suffixes: ['sc2s.sgov.gov', 'api.aws.scloud'] },
  { regions: /^eu-isoe-/, suffixes: ['cloud.adc-e.uk', 'api.cloud-aws.adc-e.uk'] },
  { regions: /^us-isof-/, suffixes: ['csp.hci.ic.gov', 'api.aws.hci.ic.gov'] },
  { regions: /^eusc-/, suffixes: ['amazonaws.eu', 'api.amazonwebservices.eu'] },
  { regions: /^[a-z]{2}-/, suffixes: ['amazonaws.com', 'api.aws'] },
];

const REGION = /^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/;

/**
 * Checks where a session's token is about to be sent (docs/protocol.md §1.2): `wss:` to the message
 * gateway of the session's own region and partition, a VPC endpoint of it, or a host the person
 * configured; plain `ws:` on loopback only. Anything else could walk off with the token.
 *
 * @param configuredHosts host names of endpoints the person configured
 * @param requiredHost `host[:port]` of the gateway the person configured: then nothing else will do
 * @throws DevaccessError DA_STREAM_URL
 */
export function checkStreamUrl(
  text: string,
  region: string,
  configuredHosts: readonly string[],
  requiredHost?: string,
): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw refused('it is not a URL');
  if (url.username !== '' || url.password !== '') throw refused('it carries a user name');
  const host = url.hostname.toLowerCase();
  if (requiredHost !== undefined && url.host !== requiredHost) {
    throw refused(`${printable(url.host)} is not ${requiredHost}, the configured gateway`);
  }
  if (url.protocol === 'ws:') {
    if (isLoopbackHost(host)) return url;
    throw refused(`plain ws: to ${printable(host)}, which is not this machine`);
  }
  if (url.protocol !== 'wss:') throw refused(`its scheme is ${printable(url.protocol)}`);
  const isTrusted =
    isGatewayHost(host, region) || isLoopbackHost(host) || configuredHosts.includes(host);
  if (!isTrusted) throw refused(`${printable(host)} is not the message gateway of ${region}`);
  return url;
}

/** DNS suffixes of a region's endpoints, the usual one first, then that of dual-stack endpoints. */
export function dnsSuffixes(region: string): readonly string[] {
  if (!REGION.test(region)) return [];
  return PARTITIONS.find(({ regions }) => regions.test(region))?.suffixes ?? [];
}

function isGatewayHost(host: string, region: string): boolean {
  return dnsSuffixes(region).some(
    (suffix) =>
      host === `ssmmessages.${region}.${suffix}` ||
      host === `ssmmessages-fips.${region}.${suffix}` ||
      isVpcEndpoint(host, region, suffix),
  );
}

/** `vpce-….ssmmessages.<region>.vpce.<suffix>`, with labels of letters, digits and hyphens. */
function isVpcEndpoint(host: string, region: string, suffix: string): boolean {
  const tail = `.ssmmessages.${region}.vpce.${suffix}`;
  return host.endsWith(tail) && /^[a-z0-9-]+$/.test(host.slice(0, -tail.length));
}

function refused(why: string): DevaccessError {
  return new DevaccessError('DA_STREAM_URL', `The session's stream address was refused: ${why}.`, {
    next: 'check AWS_ENDPOINT_URL and the endpoint_url settings; a private gateway must be set as AWS_ENDPOINT_URL_SSMMESSAGES.',
  });
}
