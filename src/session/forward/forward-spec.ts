import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { readPortPair } from '../../platform/port-pair.ts';
import type { PortPair } from '../../platform/port-pair.ts';
import { isRemoteHost } from '../../platform/remote-host.ts';

/** What `devaccess forward` was asked for, apart from the server. */
export interface ForwardSpec {
  pairs: PortPair[];
  sessions: number | 'auto';
  remoteHost: string | undefined;
}

/** @throws DevaccessError DA_PORT, DA_USAGE */
export function readForwardSpec(
  ports: readonly string[],
  flags: { sessions: string; host?: string | undefined; unix?: string | undefined },
): ForwardSpec {
  const pairs = ports.map(parsePortPair);
  if (flags.unix !== undefined && pairs.length > 1) throw usage('--unix takes one port');
  return {
    pairs,
    sessions: parseSessions(flags.sessions),
    remoteHost: checkRemoteHost(flags.host),
  };
}

/**
 * Reads `[LOCAL:]PORT`; without LOCAL the same port is used here, LOCAL 0 takes any free one.
 * @throws DevaccessError DA_PORT
 */
function parsePortPair(text: string): PortPair {
  const pair = readPortPair(text);
  if (pair !== undefined) return pair;
  throw new DevaccessError('DA_PORT', `'${text}' is not [LOCAL:]PORT with ports from 1 to 65535.`, {
    exitCode: EXIT.usage,
    next: 'give such as 5432 or 15432:5432; LOCAL may be 0 for any free.',
  });
}

/** `--host`. @throws DevaccessError DA_USAGE */
function checkRemoteHost(host: string | undefined): string | undefined {
  if (host === undefined || isRemoteHost(host)) return host;
  throw usage(`'${host}' is not a host name or address`);
}

/**
 * The host that the target forwards to: the one asked for, or the one that was named. Asking from a
 * host that has no agent of its own would go out from its bastion, which is not what was said.
 *
 * @throws DevaccessError DA_USAGE
 */
export function chooseRemoteHost(
  asked: string | undefined,
  named: { target: string; remoteHost: string | undefined },
): string | undefined {
  if (asked === undefined || named.remoteHost === undefined) return asked ?? named.remoteHost;
  const { target, remoteHost } = named;
  throw usage(
    `--host needs a node with an agent, and ${remoteHost} is reached through ${target}: name that one`,
  );
}

/** `--sessions`: 1 to 8, or `auto`. */
function parseSessions(text: string): number | 'auto' {
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
