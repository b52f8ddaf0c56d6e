/** How long before their end credentials are announced to end. */
export const ANNOUNCE_BEFORE_MS = 15 * 60_000;

/** As `credentials/expiry.ts` reads it. */
export interface Expiry {
  owner: string;
  endsAtMs: number | undefined;
  renew: string;
}

export type ExpiryEvent = {
  /** `ending`: within 15 minutes. `ended`. `renewed`: after one of those. */
  event: 'credentials-ending' | 'credentials-ended' | 'credentials-renewed';
  owner: string;
  /** When they end or ended, ISO 8601; null for such that do not. */
  endsAt: string | null;
  /** What to run to renew them. */
  renew: string;
};

type Phase = 'good' | 'ending' | 'ended';

/** Tells of each end of credentials once, and that they were renewed; decides, and does nothing else. */
export class ExpiryWatch {
  #phase: Phase = 'good';

  get isGood(): boolean {
    return this.#phase === 'good';
  }

  /** What the person is to hear now. */
  observe({ owner, endsAtMs, renew }: Expiry, nowMs: number): ExpiryEvent | undefined {
    const phase = phaseOf(endsAtMs, nowMs);
    if (phase === this.#phase) return undefined;
    const before = this.#phase;
    this.#phase = phase;
    // From ended to ending: a new session, though a short one.
    const event = phase === 'good' || before === 'ended' ? 'renewed' : phase;
    const endsAt = endsAtMs === undefined ? null : new Date(endsAtMs).toISOString();
    return { event: `credentials-${event}`, owner, endsAt, renew };
  }
}

function phaseOf(endsAtMs: number | undefined, nowMs: number): Phase {
  if (endsAtMs === undefined) return 'good';
  if (nowMs >= endsAtMs) return 'ended';
  return nowMs >= endsAtMs - ANNOUNCE_BEFORE_MS ? 'ending' : 'good';
}
