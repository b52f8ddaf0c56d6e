import { setTimeout as sleep } from 'node:timers/promises';
import { renewalTimeMs } from '../aws/credential-cache.ts';
import type { KeptCredentials } from '../aws/credential-cache.ts';
import { DevaccessError } from '../platform/errors.ts';
import { isWorthRetrying } from './create-session-errors.ts';

/** The outer world of a `CredentialKeeper`. */
export interface KeeperWorld {
  now: () => number;
  /** Milliseconds of a clock that nobody sets. Default `performance.now`. */
  elapsed?: () => number;
  /** From 0 to 1: spreads a fleet. Default `Math.random`. */
  random?: () => number;
  /** Waits for milliseconds, or until the signal. Default: as long. */
  pause?: (ms: number, signal: AbortSignal) => Promise<unknown>;
  /** Told of each renewal that brought nothing new. */
  onFailed: (error: unknown, nextMs: number) => void;
}

/** The first wait after a failure while credentials last; their cache asks nobody sooner. */
const WAIT_MS = 60_000;
/** The same when there are none any more. */
const EMPTY_WAIT_MS = 5_000;
const MAX_WAIT_MS = 5 * 60_000;
/** Renewals of machines that started together are spread over this long at most. */
const SPREAD_MS = 60_000;
/** A machine that slept, or whose clock was set, notices this soon. */
const LONGEST_NAP_MS = 30_000;

/**
 * Credentials that are always at hand: renewed before they end, and after failures again and again,
 * at growing intervals. What has ended is never handed out.
 */
export class CredentialKeeper {
  readonly #fetch: () => Promise<KeptCredentials>;
  readonly #world: KeeperWorld;
  #latest: KeptCredentials | undefined;
  /** By `elapsed`: a wall clock that was set back must not make credentials last longer. */
  #endElapsedMs = 0;
  #flight: Promise<KeptCredentials> | undefined;
  #failures = 0;
  #lastError: Error | undefined;
  /** When to try next. */
  #nextMs = 0;

  /** @param fetch new credentials, or those at hand where there are no others yet */
  constructor(fetch: () => Promise<KeptCredentials>, world: KeeperWorld) {
    this.#fetch = fetch;
    this.#world = world;
  }

  /** Those at hand, unless they have ended. */
  get credentials(): KeptCredentials | undefined {
    const latest = this.#latest;
    if (latest === undefined || latest.expirationMs <= this.#world.now()) return undefined;
    return this.#elapsed() < this.#endElapsedMs ? latest : undefined;
  }

  /**
   * Credentials at once, or as soon as they are had.
   *
   * @throws what `fetch` throws; soon after a failure the same error, without asking anybody.
   *   DevaccessError DA_CLOCK_SKEW for what has ended, whatever the clock says
   */
  async demand(): Promise<KeptCredentials> {
    const present = this.credentials;
    if (present !== undefined) return present;
    const isResting = this.#failures > 0 && this.#world.now() < this.#nextMs;
    if (isResting && this.#flight === undefined) throw this.#lastError ?? setBack();
    await this.renew();
    const fetched = this.credentials;
    if (fetched === undefined) throw setBack();
    return fetched;
  }

  /** Fetches, once for all who ask meanwhile. @throws what `fetch` throws */
  renew(): Promise<KeptCredentials> {
    this.#flight ??= this.#renew().finally(() => {
      this.#flight = undefined;
    });
    return this.#flight;
  }

  /**
   * Fetches for the first time; where trying again may help, that is no error.
   *
   * @throws what `fetch` throws
   */
  async start(): Promise<void> {
    try {
      await this.renew();
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#world.onFailed(error, this.#nextMs);
    }
  }

  /** Starts, unless that is done, and renews until the signal. @throws what `start` throws */
  async keep(stop: AbortSignal): Promise<void> {
    const { now, onFailed, pause = napOf } = this.#world;
    const isStopped = (): boolean => stop.aborted;
    if (this.#nextMs === 0) await this.start();
    while (!isStopped()) {
      while (!isStopped() && now() < this.#nextMs && !this.#hasEnded()) {
        await pause(Math.min(LONGEST_NAP_MS, this.#nextMs - now()), stop);
      }
      if (isStopped()) return;
      await this.renew().catch((error: unknown) => onFailed(error, this.#nextMs));
    }
  }

  async #renew(): Promise<KeptCredentials> {
    const { now } = this.#world;
    try {
      const fetched = await this.#fetch();
      if (fetched.accessKeyId !== this.#latest?.accessKeyId) {
        this.#endElapsedMs = this.#elapsed() + fetched.expirationMs - now();
      }
      this.#latest = fetched;
      const dueMs = renewalTimeMs(fetched);
      if (now() < dueMs && this.credentials !== undefined) {
        this.#failures = 0;
        const spread = Math.min(SPREAD_MS, (fetched.expirationMs - dueMs) / 4);
        this.#nextMs = dueMs + this.#random() * spread;
      } else {
        // The same as before: the service could not be asked.
        this.#failed(undefined);
      }
      return fetched;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  #failed(error: unknown): void {
    const first = this.credentials === undefined ? EMPTY_WAIT_MS : WAIT_MS;
    const waitMs = Math.min(MAX_WAIT_MS, first * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#lastError = error instanceof Error ? error : undefined;
    this.#nextMs = this.#world.now() + waitMs * (1 + this.#random() / 2);
  }

  /** Of credentials that should last by the wall clock, which must have been set back. */
  #hasEnded(): boolean {
    return this.#failures === 0 && this.#elapsed() >= this.#endElapsedMs;
  }

  #elapsed(): number {
    return (this.#world.elapsed ?? (() => performance.now()))();
  }

  #random(): number {
    return (this.#world.random ?? Math.random)();
  }
}

function setBack(): DevaccessError {
  return new DevaccessError(
    'DA_CLOCK_SKEW',
    "This computer's clock was set back, and the credentials have ended since",
    { next: 'set the clock (turn on automatic time), then try again' },
  );
}

/** Whether another try may succeed with nothing changed here. */
function isPassing(error: unknown): boolean {
  return error instanceof DevaccessError && isWorthRetrying(error);
}

async function napOf(ms: number, signal: AbortSignal): Promise<void> {
  // Told to stop is no error here.
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Ends with the work, or at once with the signal: a call may take half a minute. */
export async function untilStopped(work: Promise<void>, stop: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    stop.addEventListener('abort', () => resolve(), { once: true });
    if (stop.aborted) resolve();
  });
  await Promise.race([work, stopped]);
}
