import { dnsSuffixes } from '../../aws/dns-suffixes.ts';
import { DevaccessError, printable } from '../../platform/errors.ts';
import { isLoopbackHost } from '../../platform/loopback.ts';

/** What decides where the stream of a session may go. */
export interface StreamPlace {
  region: string;
  /** Host names of endpoints the person configured. */
  configuredHosts: readonly string[];
  /** The message gateway the person configured. */
  gateway?: URL | undefined;
}

/**
 * Where a session's token is about to be sent (docs/protocol.md §1.2): `wss:` to the message
 * gateway of the session's own region and partition, a VPC endpoint of it, or a host the person
 * configured; plain `ws:` on loopback only. Anything else could walk off with the token. A gateway
 * the person configured takes the place of the one that `text` names: Systems Manager tells its
 * public host, which cannot be reached where there is but a VPC endpoint without private DNS.
 *
 * @throws DevaccessError DA_STREAM_URL
 */
export function streamAddress(
  text: string,
  { region, configuredHosts, gateway }: StreamPlace,
): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw refused('it is not a URL');
  if (url.username !== '' || url.password !== '') throw refused('it carries a user name');
  checkScheme(url);
  const host = url.hostname.toLowerCase();
  const isTrusted =
    isGatewayHost(host, region) || isLoopbackHost(host) || configuredHosts.includes(host);
  if (!isTrusted) throw refused(`${printable(host)} is not the message gateway of ${region}`);
  if (gateway === undefined) return url;
  const isPlain = gateway.protocol === 'http:' || gateway.protocol === 'ws:';
  const moved = new URL(`${isPlain ? 'ws' : 'wss'}://${gateway.host}${url.pathname}${url.search}`);
  checkScheme(moved);
  return moved;
}

function checkScheme({ protocol, hostname }: URL): void {
  if (protocol === 'wss:' || (protocol === 'ws:' && isLoopbackHost(hostname))) return;
  throw refused(
    protocol === 'ws:'
      ? `plain ws: to ${printable(hostname)}, which is not this machine`
      : `its scheme is ${printable(protocol)}`,
  );
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
