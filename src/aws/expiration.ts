/** AWS gives no session for longer (GetSessionToken): an end after that is none. */
export const LONGEST_SESSION_MS = 36 * 3_600_000;

/**
 * Reads an expiration: aws-mfa's `YYYY-MM-DD HH:MM:SS` in UTC, also with `T`, a fraction, `Z` or
 * an offset. Milliseconds since the epoch, undefined when it is none of these.
 */
export function parseExpiration(text: string): number | undefined {
  const form =
    /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?\s?(Z|[+-]\d{2}:?\d{2})?$/i;
  const match = form.exec(text.trim());
  if (match === null) return undefined;
  const [, date = '', time = '', fraction = '0', zone = 'Z'] = match;
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : zone.replace(/^(...):?/, '$1:');
  const parsed = Date.parse(`${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`);
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** aws-mfa's format: `YYYY-MM-DD HH:MM:SS`, UTC. */
export function formatExpiration(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ');
}

/** ISO 8601 without fractions, which botocore and the SDKs read alike. */
export function isoSeconds(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}
