import { BlockList, isIP } from 'node:net';
import { DevaccessError } from '../platform/errors.ts';
import { isLoopbackHost } from '../platform/loopback.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

const KINDS = ['http:', 'https:', 'socks:', 'socks5:', 'socks5h:'];

/** How a connection leaves this machine, and why. */
export interface ProxyChoice {
  /** Undefined: none. May hold a user and a password. */
  proxy: URL | undefined;
  /** For people: the variable that names it, or why there is none. */
  reason: string;
}

/**
 * The proxy, HTTP or SOCKS 5, for a connection, as curl and the AWS tools choose it: HTTPS_PROXY for
 * `https:` and `wss:`, HTTP_PROXY for the others, ALL_PROXY where neither is set, in lower or upper
 * case (lower wins); never for loopback, nor for what NO_PROXY names.
 *
 * @throws DevaccessError DA_PROXY for a setting that is no such proxy
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  return chooseProxy(url, env).proxy;
}

/** As `proxyFor`, with the reason. @throws DevaccessError DA_PROXY */
export function chooseProxy(url: URL, env: Environment): ProxyChoice {
  const names = isEncrypted(url) ? ['HTTPS_PROXY', 'ALL_PROXY'] : ['HTTP_PROXY', 'ALL_PROXY'];
  const found = names.map((name) => eitherCase(env, name)).find((each) => each !== undefined);
  if (found === undefined)
    return { proxy: undefined, reason: `${names.join(' and ')} are not set` };
  if (isLoopbackHost(url.hostname)) return { proxy: undefined, reason: 'it is this machine' };
  const exempt = exemption(url, eitherCase(env, 'NO_PROXY')?.value ?? '');
  if (exempt !== undefined) return { proxy: undefined, reason: `NO_PROXY has ${exempt}` };
  const { name, value } = found;
  const address = value.includes('://') ? value : `http://${value}`;
  if (!URL.canParse(address)) {
    throw unusable('The proxy setting is not an address');
  }
  const proxy = new URL(address);
  if (!KINDS.includes(proxy.protocol) || proxy.hostname === '') {
    throw unusable(`A proxy of the kind ${proxy.protocol} cannot be used`);
  }
  return { proxy, reason: name };
}

/**
 * The entry of NO_PROXY that exempts a host. They are separated by commas or spaces: `*`, a domain
 * (with what is below it, with or without a leading `.` or `*.`), an address, a CIDR range; each
 * but the last with an optional port.
 */
export function exemption(url: URL, noProxy: string): string | undefined {
  const host = bare(url.hostname).toLowerCase();
  const port = url.port || (isEncrypted(url) ? '443' : '80');
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .find((entry) => entry !== '' && matches(entry, host, port));
}

function isEncrypted({ protocol }: URL): boolean {
  return protocol === 'https:' || protocol === 'wss:';
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

function eitherCase(env: Environment, name: string): { name: string; value: string } | undefined {
  for (const each of [name.toLowerCase(), name]) {
    const value = envValue(env, each);
    if (value !== undefined) return { name: each, value };
  }
  return undefined;
}

function unusable(what: string): DevaccessError {
  return new DevaccessError('DA_PROXY', what, {
    next: 'set HTTPS_PROXY to http://[user:password@]host:port, or ALL_PROXY to socks5://host:port',
  });
}
