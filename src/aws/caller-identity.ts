import type { ClientOptions } from './client-settings.ts';
import { serviceError } from './service-errors.ts';
import { createStsClient } from './sts-client.ts';

/** Who STS says that credentials are of. It is asked of everybody: no policy can deny it. */
export interface CallerIdentity {
  arn: string;
  account: string;
  /** `AIDA…` of a user, `AROA…:session-name` of a role's session. */
  userId: string;
}

/** @throws DevaccessError */
export async function callerIdentity(options: ClientOptions): Promise<CallerIdentity> {
  const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  const client = await createStsClient(options);
  try {
    const answer = await client.send(new GetCallerIdentityCommand({}));
    return { arn: answer.Arn ?? '', account: answer.Account ?? '', userId: answer.UserId ?? '' };
  } catch (error) {
    const { profile } = options;
    throw serviceError(error, { service: 'STS', operation: 'GetCallerIdentity', profile });
  } finally {
    client.destroy();
  }
}
