import { StandardRetryStrategy } from '@smithy/core/retry';

type Refresh = StandardRetryStrategy['refreshRetryTokenForRetry'];

/** As elsewhere: an endpoint that is dead stays so. */
const TRIES = 4;
/** With the SDK's pauses, up to 20 s each, that is about a minute. */
const TRIES_WHEN_THROTTLED = 10;

/**
 * For lists of many pages: where AWS asks to slow down it is tried for a minute, as one page that
 * fails loses all the others. Any other trouble is told as soon as elsewhere.
 */
export class PatientRetries extends StandardRetryStrategy {
  constructor() {
    super(TRIES_WHEN_THROTTLED);
  }

  override async refreshRetryTokenForRetry(
    ...[token, error]: Parameters<Refresh>
  ): ReturnType<Refresh> {
    const isThrottled = error.errorType === 'THROTTLING';
    if (!isThrottled && token.getRetryCount() + 1 >= TRIES) {
      throw new Error('No retry token available');
    }
    return super.refreshRetryTokenForRetry(token, error);
  }
}
