import { DevaccessError } from '../platform/errors.ts';

/** @param why as the proxy told it: `HTTP 403` */
export function proxyRefused(
  proxy: URL,
  where: string,
  why: string,
  { asksForPassword = false } = {},
): DevaccessError {
  const next = asksForPassword
    ? `put the user and password of the proxy into HTTPS_PROXY: ${proxy.protocol}//user:password@host:port.`
    : 'ask for access to this host through the proxy, or name it in NO_PROXY.';
  const message = `The proxy ${proxy.host} refused a connection to ${where} (${why})`;
  return new DevaccessError('DA_PROXY', message, { next });
}

export function proxyNotReached(
  proxy: URL,
  where: string,
  error: Error & { code?: string },
): DevaccessError {
  return new DevaccessError(
    'DA_PROXY_UNREACHABLE',
    `The proxy ${proxy.host} could not be reached for a connection to ${where} (${error.code ?? error.message})`,
    { next: 'check HTTPS_PROXY and NO_PROXY.', cause: error },
  );
}
