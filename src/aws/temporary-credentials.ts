import { DevaccessError } from '../platform/errors.ts';
import { strangeAnswer } from './service-errors.ts';
import type { CallContext } from './service-errors.ts';

/** Temporary credentials as STS returns them. */
export interface TemporaryCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expirationMs: number;
}

/** The `Credentials` of an answer, in the SDK's spelling. */
interface AnsweredCredentials {
  AccessKeyId?: string | undefined;
  SecretAccessKey?: string | undefined;
  SessionToken?: string | undefined;
  Expiration?: Date | undefined;
}

/**
 * Takes the credentials out of an answer.
 *
 * @throws DevaccessError DA_SERVICE_ERROR for an answer without them, DA_CLOCK_SKEW when they have
 *   ended already by this computer's clock
 */
export function readCredentials(
  answer: AnsweredCredentials | undefined,
  context: CallContext,
  nowMs: number,
): TemporaryCredentials {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || Expiration === undefined) {
    throw strangeAnswer(context, 'without credentials');
  }
  refuseEnded(Expiration.getTime(), nowMs);
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expirationMs: Expiration.getTime(),
  };
}

/** @throws DevaccessError DA_CLOCK_SKEW for new credentials that have ended already */
export function refuseEnded(expirationMs: number, nowMs: number): void {
  if (expirationMs > nowMs) return;
  throw new DevaccessError(
    'DA_CLOCK_SKEW',
    `By this computer's clock the new session ended at ${new Date(expirationMs).toISOString()}`,
    { next: 'set the clock (turn on automatic time), then try again' },
  );
}
