/** A session as the service lists it. */
export interface OpenSession {
  sessionId: string;
  /** Instance id, or what else StartSession was given. */
  target: string;
  /** `Connected`, `Connecting`, `Disconnected`, `Terminating`, … */
  status: string;
  /** ISO 8601; null where the service does not say. */
  startedAt: string | null;
  ageSeconds: number | null;
  document: string | null;
  /** ARN of whoever started it. */
  owner: string;
  reason: string | null;
  /** Why it looks as if nobody used it any more; null where it does not. */
  stale: 'disconnected' | 'never opened' | 'open for long' | null;
}

/** Opening a data channel takes a second; who has not done it by now will not. */
const CONNECTING_LIMIT_S = 5 * 60;

/**
 * Whether a session looks left behind. The service does not tell when it was last used, and ends idle
 * ones by itself after 20 minutes (or what the account sets): what is left are those whose client is
 * gone, those that were never opened, and those that something keeps open beyond a working day.
 *
 * @param longAfterS from this age on
 */
export function staleness(
  { status, ageSeconds }: Pick<OpenSession, 'status' | 'ageSeconds'>,
  longAfterS: number,
): OpenSession['stale'] {
  if (status === 'Disconnected') return 'disconnected';
  const age = ageSeconds ?? 0;
  if (status === 'Connecting' && age >= CONNECTING_LIMIT_S) return 'never opened';
  return age >= longAfterS ? 'open for long' : null;
}
