import type { IAMClient } from '@aws-sdk/client-iam';
import type { ClientOptions } from './client-settings.ts';
import { clientSettings, withHostInErrors } from './client-settings.ts';
import { iamError } from './iam-errors.ts';
import { DevaccessError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';

/** A call of IAM, with what its errors need. */
export interface IamCall {
  /** As AWS writes it: `CreateAccessKey`. */
  operation: string;
  /** The feature of `devaccess iam policy --for` whose statements allow the call. */
  feature?: string;
}

/**
 * Makes one call of IAM with a client of its own.
 *
 * @throws DevaccessError those of `iamError`; what `send` throws itself comes through
 */
export async function iamCall<T>(
  options: ClientOptions,
  call: IamCall,
  send: (client: IAMClient) => Promise<T>,
): Promise<T> {
  const { IAMClient } = await import('./iam-commands.ts');
  const { IamRetries } = await import('./iam-retries.ts');
  const settings = { ...(await clientSettings('iam', options)), retryStrategy: new IamRetries() };
  const client = withHostInErrors(new IAMClient(settings));
  try {
    return await send(client);
  } catch (error) {
    throw iamError(error, { ...call, profile: options.profile });
  } finally {
    client.destroy();
  }
}

/** Milliseconds between tries; half a minute in all. IAM's changes are seen everywhere after seconds. */
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15_000] as const;

/**
 * Makes a call again, for about half a minute, while it fails as it does for what was changed a moment
 * ago: IAM is eventually consistent.
 *
 * @param passing codes of errors that pass
 */
export async function untilConsistent<T>(
  work: () => Promise<T>,
  passing: readonly ErrorCode[],
  wait: (ms: number) => Promise<unknown>,
): Promise<T> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DevaccessError) || !passing.includes(error.code)) throw error;
      await wait(pauseMs);
    }
  }
  return work();
}
