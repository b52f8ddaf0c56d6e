import { StandardRetryStrategy } from '@smithy/core/retry';

type Refresh = StandardRetryStrategy['refreshRetryTokenForRetry'];

/** As elsewhere. */
const TRIES = 4;

/** In IAM `LimitExceeded` is a quota: the SDK takes it for throttling, and asks again for seconds. */
export class IamRetries extends StandardRetryStrategy {
  constructor() {
    super(TRIES);
  }

  override async refreshRetryTokenForRetry(
    ...[token, failure]: Parameters<Refresh>
  ): ReturnType<Refresh> {
    const { error } = failure;
    if (error instanceof Error && error.name.startsWith('LimitExceeded')) {
      throw new Error('A quota is no matter of waiting');
    }
    return super.refreshRetryTokenForRetry(token, failure);
  }
}
