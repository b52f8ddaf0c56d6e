import { DevaccessError } from '../platform/errors.ts';
import { loginName } from '../platform/login-name.ts';
import type { Environment } from '../platform/paths.ts';
import type { ClientOptions } from './client-settings.ts';
import { serviceError } from './service-errors.ts';
import type { MfaCode } from './session-token.ts';
import { createStsClient } from './sts-client.ts';
import { readCredentials } from './temporary-credentials.ts';
import type { TemporaryCredentials } from './temporary-credentials.ts';

export interface RoleRequest {
  roleArn: string;
  /** What CloudTrail shows. */
  sessionName: string;
  durationSeconds: number;
  externalId?: string | undefined;
  code?: MfaCode | undefined;
  /** Profile whose credentials call, for error texts. */
  caller: string;
  nowMs: number;
}

/**
 * Credentials of a role.
 *
 * @throws DevaccessError DA_ROLE_DENIED, DA_ROLE_DURATION, DA_MFA_CODE_REFUSED, DA_CLOCK_SKEW and
 *   those of `serviceError`
 */
export async function assumeRole(
  clientOptions: ClientOptions,
  request: RoleRequest,
): Promise<TemporaryCredentials> {
  const { AssumeRoleCommand } = await import('@aws-sdk/client-sts');
  const { code, externalId, caller } = request;
  const context = { service: 'STS', operation: 'AssumeRole', profile: caller };
  const client = await createStsClient(clientOptions);
  try {
    const answer = await client.send(
      new AssumeRoleCommand({
        RoleArn: request.roleArn,
        RoleSessionName: request.sessionName,
        DurationSeconds: request.durationSeconds,
        ...(externalId === undefined ? {} : { ExternalId: externalId }),
        ...(code === undefined ? {} : { SerialNumber: code.device, TokenCode: code.token }),
      }),
    );
    return readCredentials(answer.Credentials, context, request.nowMs);
  } catch (error) {
    throw roleError(error, request) ?? serviceError(error, context);
  } finally {
    client.destroy();
  }
}

/** The login name made to fit; CloudTrail shows it. */
export function defaultSessionName(env: Environment): string {
  const fitting = loginName(env)
    .replace(/[^\w+=,.@-]/g, '-')
    .slice(0, 64);
  return fitting === '' ? 'devaccess' : fitting.padEnd(2, '-');
}

/** What STS says about roles alone: a role that does not exist is denied like one that is not allowed. */
function roleError(error: unknown, request: RoleRequest): DevaccessError | undefined {
  if (!(error instanceof Error) || error instanceof DevaccessError) return undefined;
  const { roleArn, caller, durationSeconds } = request;
  const { name, message } = error;
  if (name === 'AccessDenied' && !message.startsWith('MultiFactorAuthentication failed')) {
    return new DevaccessError('DA_ROLE_DENIED', `Profile ${caller} may not assume ${roleArn}`, {
      next: "check the role's ARN, its trust policy (whom it trusts, MFA, external id) and sts:AssumeRole in your own policy",
      cause: error,
    });
  }
  if (/session limit for roles assumed by role chaining/i.test(message)) {
    return new DevaccessError(
      'DA_ROLE_DURATION',
      `AWS gives a role that is assumed from a session one hour at most; ${durationSeconds} s were asked for`,
      {
        next: `ask for 3600 s or less, or assume it with a code: devaccess mfa --assume-role ${roleArn} --duration ${durationSeconds}`,
        cause: error,
      },
    );
  }
  if (message.includes('MaxSessionDuration')) {
    return new DevaccessError(
      'DA_ROLE_DURATION',
      `${roleArn} does not allow sessions of ${durationSeconds} s`,
      { next: "ask for less; the role's MaxSessionDuration is the limit", cause: error },
    );
  }
  return undefined;
}
