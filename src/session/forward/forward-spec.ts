import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { isRemoteHost } from '../remote-host.ts';

/** `[LOCAL:]PORT` as a person writes it. */
export interface PortPair {
  /** 0: any free port. */
  local: number;
  remote: number;
}

/**
 * Reads `[LOCAL:]PORT`; without LOCAL the same port is used here, LOCAL 0 takes any free one.
 * @throws DevaccessError DA_USAGE
 */
export function parsePortPair(text: string): PortPair {
  const [, local, remote = ''] = /^(?:(\d{1,5}):)?(\d{1,5})$/.exec(text) ?? [];
  const pair = { local: Number(local ?? remote), remote: Number(remote) };
  if (remote === '' || pair.remote < 1 || pair.remote > 65_535 || pair.local > 65_535) {
    throw usage(`'${text}' is not [LOCAL:]PORT with ports from 1 to 65535`);
  }
  return pair;
}

/** `--host`. @throws DevaccessError DA_USAGE */
export function checkRemoteHost(host: string): string {
  if (isRemoteHost(host)) return host;
  throw usage(`'${host}' is not a host name or address`);
}

/** `--sessions`: 1 to 8, or `auto`. */
export function parseSessions(text: string): number | 'auto' {
  if (text === 'auto') return 'auto';
  const count = Number(text);
  if (/^\d$/.test(text) && count >= 1 && count <= 8) return count;
  throw usage(`'${text}' sessions: give 1 to 8, or auto`);
}

function usage(message: string): DevaccessError {
  return new DevaccessError('DA_USAGE', `${message}.`, {
    exitCode: EXIT.usage,
    next: 'see devaccess forward --help.',
  });
}
