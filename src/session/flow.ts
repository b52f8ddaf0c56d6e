import { DevaccessError, EXIT } from '../platform/errors.ts';
import { PACE_FORM, readPace, readWindow, WINDOW_FORM } from '../platform/flow.ts';
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

/** As a person writes it. */
export interface FlowTexts {
  pace?: string | undefined;
  window?: string | undefined;
}

/**
 * Settles how fast to send: flags, then DEVACCESS_PACE and DEVACCESS_WINDOW, then the config file.
 *
 * @throws DevaccessError DA_USAGE
 */
export function readFlow(flags: FlowTexts, env: Environment, config: FlowTexts = {}): Flow {
  const pace = flags.pace ?? envValue(env, 'DEVACCESS_PACE') ?? config.pace;
  const window = flags.window ?? envValue(env, 'DEVACCESS_WINDOW') ?? config.window;
  return {
    ...(pace === undefined
      ? {}
      : { pace: readPace(pace) ?? refuse(`pace '${pace}' is not ${PACE_FORM}`) }),
    ...(window === undefined
      ? {}
      : { windowBytes: readWindow(window) ?? refuse(`window '${window}' is not ${WINDOW_FORM}`) }),
  };
}

function refuse(what: string): never {
  throw new DevaccessError('DA_USAGE', `The ${what}.`, {
    exitCode: EXIT.usage,
    next: 'see docs/networks.md for what they do.',
  });
}
