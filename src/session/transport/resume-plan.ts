import { DevaccessError } from '../../platform/errors.ts';
import { GatewayOpenError } from './gateway-socket.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** The service ends an idle session after 20 minutes by default; past that there is none left. */
const NETWORK_PATIENCE_MS = 20 * 60_000;
/** A refusal may be a moment's (credentials being renewed, eventual consistency), not an hour's. */
const REFUSAL_PATIENCE_MS = 6_000;
/** A connection that held for so long was a good one, even if nothing happened on it. */
const PROVEN_AFTER_MS = 30_000;

/** Codes of errors that are about the network, not an answer of the service. */
const NETWORK_CODES = new Set([
  'DA_ENDPOINT_UNREACHABLE',
  'DA_PROXY_UNREACHABLE',
  'DA_THROTTLED',
  'DA_SERVICE_UNAVAILABLE',
]);

/** Refusals that no second try can change. */
const FINAL_CODES = new Set(['DA_STREAM_URL']);

/**
 * When to try again to resume a session: at once, then with jitter from 100 ms doubling to 5 s,
 * for as long as the session may still live (docs/protocol.md §1.5). An unreachable network is
 * waited out; a service that refuses is asked again for seconds only. One plan lasts until a
 * connection has proved good, or a gateway that closes every connection at once would be asked
 * without a pause for ever.
 */
export class ResumePlan {
  attempts = 0;
  readonly #lostAtMs: number;
  #refusedSinceMs: number | undefined;
  readonly #random: () => number;

  constructor(nowMs: number, random: () => number = Math.random) {
    this.#lostAtMs = nowMs;
    this.#random = random;
  }

  /** Whether a connection has ended the outage: it got something done, or it held. */
  static isProven(progress: number, openForMs: number): boolean {
    return progress > 0 || openForMs >= PROVEN_AFTER_MS;
  }

  /** Milliseconds to wait before the next attempt. */
  nextDelayMs(): number {
    this.attempts += 1;
    if (this.attempts === 1) return 0;
    const ceiling = Math.min(FIRST_DELAY_MS * 2 ** (this.attempts - 2), MAX_DELAY_MS);
    return ceiling * (0.5 + this.#random() / 2);
  }

  /** Whether to give up after an attempt that failed with `error`. */
  isHopeless(error: unknown, nowMs: number): boolean {
    if (error instanceof DevaccessError && FINAL_CODES.has(error.code)) return true;
    if (isNetworkTrouble(error)) {
      this.#refusedSinceMs = undefined;
      return nowMs - this.#lostAtMs > NETWORK_PATIENCE_MS;
    }
    this.#refusedSinceMs ??= nowMs;
    return nowMs - this.#refusedSinceMs > REFUSAL_PATIENCE_MS;
  }
}

/** Whether an error is about the way to the service, not an answer of it. */
export function isNetworkTrouble(error: unknown): boolean {
  if (error instanceof DevaccessError) return NETWORK_CODES.has(error.code);
  if (error instanceof GatewayOpenError) return error.status === undefined || error.status >= 500;
  return false;
}
