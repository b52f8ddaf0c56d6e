import { isoSeconds } from '../aws/expiration.ts';
import type { Certificate } from './certificate.ts';

const SOON_MS = 30 * 86_400_000;
/** What renews certificates by itself does so with a third of their life left. */
const LAST_PART = 1 / 4;

type Validity = Pick<Certificate, 'notBeforeMs' | 'notAfterMs'>;

/** Whether a certificate that is valid should have been renewed by now. */
export function isNearEnd({ notBeforeMs, notAfterMs }: Validity, nowMs: number): boolean {
  const leftMs = notAfterMs - nowMs;
  return leftMs >= 0 && leftMs < Math.min(SOON_MS, (notAfterMs - notBeforeMs) * LAST_PART);
}

/** For those who could renew it. */
export function renewalReminder({ notAfterMs }: Validity, files: { certificate: string }): string {
  return `the certificate ${files.certificate} expires on ${isoSeconds(notAfterMs)}: have it renewed in time`;
}
