import { dnsSuffixes } from '../../aws/dns-suffixes.ts';
import { DevaccessError, printable } from '../../platform/errors.ts';
import { isLoopbackHost } from '../../platform/loopback.ts';

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
