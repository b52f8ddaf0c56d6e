import {
  getRetryAfterHint,
  isServerError,
  isThrottlingError,
  isTransientError,
  StandardRetryStrategy,
} from '@smithy/core/retry';

type SdkError = Parameters<typeof isThrottlingError>[0];

/** Whether and when a call is tried again: by the SDK's own rules (its `standard` mode). */
export class ServiceRetries {
  readonly #strategy: StandardRetryStrategy;
  #token: Awaited<ReturnType<StandardRetryStrategy['acquireInitialRetryToken']>> | undefined;

  /** @param maxAttempts of one call, the first included */
  constructor(maxAttempts: number) {
    this.#strategy = new StandardRetryStrategy(maxAttempts);
  }

  /** Waits as long as it takes; false: the error stands. */
  async again(error: unknown): Promise<boolean> {
    if (!(error instanceof Error)) return false;
    this.#token ??= await this.#strategy.acquireInitialRetryToken('');
    try {
      const hint = getRetryAfterHint((error as { $response?: unknown }).$response);
      const token = await this.#strategy.refreshRetryTokenForRetry(this.#token, {
        error: error as SdkError,
        errorType: kindOf(error as SdkError),
        ...(hint === undefined ? {} : { retryAfterHint: hint }),
      });
      await new Promise((resolve) => setTimeout(resolve, token.getRetryDelay()));
      this.#token = token;
      return true;
    } catch {
      return false;
    }
  }
}

function kindOf(error: SdkError): 'THROTTLING' | 'TRANSIENT' | 'SERVER_ERROR' | 'CLIENT_ERROR' {
  if (isThrottlingError(error)) return 'THROTTLING';
  if (isTransientError(error)) return 'TRANSIENT';
  return isServerError(error) ? 'SERVER_ERROR' : 'CLIENT_ERROR';
}
