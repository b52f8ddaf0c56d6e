import { DevaccessError, EXIT } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import type { Pace } from './protocol/channel/token-bucket.ts';

/** How fast a session sends; what is missing is left to the session (docs/protocol.md §4). */
export interface Flow {
  /** Data messages per second; by default 900, and none at all for a gateway on loopback. */
  pace?: Pace | 'off';
  /** Unacknowledged bytes in flight at most. */
  windowBytes?: number;
}

/** Where a token bucket of more would no longer hold anything back. */
const MAX_PACE = 1_000_000;
/** From a few messages to more than any path needs at what one session can carry. */
const WINDOW_KIB = { min: 64, max: 65_536 };

/**
 * Reads flags, then DEVACCESS_PACE and DEVACCESS_WINDOW.
 *
 * @param flags pace: `off`, or messages per second with an optional burst, `900` or `900/1800`;
 *   window: KiB
 * @throws DevaccessError DA_USAGE
 */
export function readFlow(
  flags: { pace?: string | undefined; window?: string | undefined },
  env: Environment,
): Flow {
  const pace = flags.pace ?? envValue(env, 'DEVACCESS_PACE');
  const window = flags.window ?? envValue(env, 'DEVACCESS_WINDOW');
  return {
    ...(pace === undefined ? {} : { pace: readPace(pace) }),
    ...(window === undefined ? {} : { windowBytes: readWindow(window) }),
  };
}

function readPace(text: string): Pace | 'off' {
  if (text === 'off') return 'off';
  const [, rate = '', burst = rate] = /^(\d{1,7})(?:\/(\d{1,7}))?$/.exec(text) ?? [];
  const [perSecond, atOnce] = [Number(rate), Number(burst)];
  if (rate === '' || perSecond < 1 || atOnce < 1 || perSecond > MAX_PACE) {
    throw usage(
      `pace '${text}' is neither 'off' nor messages per second, such as 900 or 900/1800 (with a burst)`,
    );
  }
  return { perSecond, burst: atOnce };
}

function readWindow(text: string): number {
  const kibibytes = Number(text);
  const { min, max } = WINDOW_KIB;
  if (!/^\d{1,6}$/.test(text) || kibibytes < min || kibibytes > max) {
    throw usage(`window '${text}' is not a number of KiB from ${min} to ${max}`);
  }
  return kibibytes * 1024;
}

function usage(what: string): DevaccessError {
  return new DevaccessError('DA_USAGE', `The ${what}.`, {
    exitCode: EXIT.usage,
    next: 'see docs/protocol.md §4 for what they do.',
  });
}
