import type { ClientOptions } from './client-settings.ts';
import { serviceError } from './service-errors.ts';
import { createStsClient } from './sts-client.ts';
import { readCredentials } from './temporary-credentials.ts';
import type { TemporaryCredentials } from './temporary-credentials.ts';

/** A six-digit code, good for one call, of the device with this ARN or serial number. */
export interface MfaCode {
  device: string;
  token: string;
}

interface SessionTokenRequest {
  durationSeconds: number;
  code: MfaCode;
  /** Whose credentials call, for error texts. */
  caller: string;
  nowMs: number;
}

/**
 * A session of the user whose long-term keys the client has.
 *
 * @throws DevaccessError DA_MFA_CODE_REFUSED, DA_CLOCK_SKEW and those of `serviceError`
 */
export async function getSessionToken(
  clientOptions: ClientOptions,
  { durationSeconds, code, caller, nowMs }: SessionTokenRequest,
): Promise<TemporaryCredentials> {
  const { GetSessionTokenCommand } = await import('@aws-sdk/client-sts');
  const context = { service: 'STS', operation: 'GetSessionToken', profile: caller };
  const client = await createStsClient(clientOptions);
  try {
    const answer = await client.send(
      new GetSessionTokenCommand({
        DurationSeconds: durationSeconds,
        SerialNumber: code.device,
        TokenCode: code.token,
      }),
    );
    return readCredentials(answer.Credentials, context, nowMs);
  } catch (error) {
    throw serviceError(error, context);
  } finally {
    client.destroy();
  }
}
