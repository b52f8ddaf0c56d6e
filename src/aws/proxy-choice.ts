import { BlockList, isIP } from 'node:net';
import { DevaccessError } from '../platform/errors.ts';
import { isLoopbackHost } from '../platform/loopback.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/**
 * The HTTP proxy for a connection, as curl and the AWS tools choose it: HTTPS_PROXY for `https:` and
 * `wss:`, HTTP_PROXY for the others, ALL_PROXY where neither is set, in lower or upper case (lower
 * wins); never for loopback, nor for what NO_PROXY names.
 *
 * @throws DevaccessError DA_PROXY for a setting that is no HTTP proxy
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const isEncrypted = url.protocol === 'https:' || url.protocol === 'wss:';
  const name = isEncrypted ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const text = eitherCase(env, name) ?? eitherCase(env, 'ALL_PROXY');
  if (text === undefined || isLoopbackHost(url.hostname)) return undefined;
  if (isExempt(url, eitherCase(env, 'NO_PROXY') ?? '')) return undefined;
  const address = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(address)) {
    throw unusable('The proxy setting is not an address');
  }
  const proxy = new URL(address);
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') {
    throw unusable(`A proxy of the kind ${proxy.protocol} cannot be used`);
  }
  return proxy;
}

/**
 * Whether NO_PROXY exempts a host. Its entries are separated by commas or spaces: `*`, a domain
 * (with what is below it, with or without a leading `.` or `*.`), an address, a CIDR range; each
 * but the last with an optional port.
 */
export function isExempt(url: URL, noProxy: string): boolean {
  const host = bare(url.hostname).toLowerCase();
  const port = url.port || (url.protocol === 'https:' || url.protocol === 'wss:' ? '443' : '80');
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry !== '' && matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInRange(entry, host);
  const [, name = entry, entryPort] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
  if (entryPort !== undefined && entryPort !== port) return false;
  const wanted = bare(name).replace(/^\*?\./, '');
  return wanted !== '' && (host === wanted || (isIP(host) === 0 && host.endsWith(`.${wanted}`)));
}

function isInRange(range: string, host: string): boolean {
  const [address = '', prefix = ''] = range.split('/');
  const version = isIP(address);
  const bits = Number(prefix);
  if (version === 0 || version !== isIP(host)) return false;
  if (!/^\d{1,3}$/.test(prefix) || bits > (version === 4 ? 32 : 128)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return list.check(host, family);
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function eitherCase(env: Environment, name: string): string | undefined {
  return envValue(env, name.toLowerCase()) ?? envValue(env, name);
}

function unusable(what: string): DevaccessError {
  return new DevaccessError('DA_PROXY', what, {
    next: 'set HTTPS_PROXY to http://[user:password@]host:port',
  });
}
