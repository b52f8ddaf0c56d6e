import { mfaCommand, serviceError } from '../aws/service-errors.ts';
import { DevaccessError, printable } from '../platform/errors.ts';
import { advancedTierNeeded, isTierRefusal } from './node-tier.ts';

export interface SessionCall {
  /** As AWS writes it: `StartSession`. */
  operation: string;
  /** The target, session or key it was about. */
  about: string;
  region: string;
  /** Undefined for the credentials of the environment. */
  profile: string | undefined;
}

/** The error of a call that a session needs, as one for a person: DevaccessError where it is known. */
export function sessionCallFailed(
  error: unknown,
  { operation, about, region, profile }: SessionCall,
): unknown {
  const name = error instanceof Error ? error.name : '';
  const text = error instanceof Error ? printable(error.message) : '';
  const status = (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata
    ?.httpStatusCode;
  const service = operation === 'GenerateDataKey' ? 'KMS' : 'SSM';
  switch (name) {
    case 'TargetNotConnected':
      return new DevaccessError(
        'DA_TARGET_NOT_CONNECTED',
        `${about} is not connected to Systems Manager in ${region}.`,
        {
          next: 'check that the instance runs, its SSM agent is online, and that the region and account are the right ones.',
          cause: error,
        },
      );
    case 'BadRequest':
      if (operation === 'StartSession' && isTierRefusal(about, text)) {
        return advancedTierNeeded(about, region, error);
      }
      break;
    case 'AccessDeniedException': {
      const document = /:document\/([\w.-]{3,128})/.exec(text)?.[1];
      if (operation === 'StartSession' && document !== undefined) {
        return new DevaccessError(
          'DA_DOCUMENT_DENIED',
          `You may not start sessions with the document ${document} on ${about}.`,
          {
            next: `ask for ssm:StartSession on arn:aws:ssm:*:*:document/${document}; a policy may also ask for MFA (${mfaCommand(profile)}).`,
            cause: error,
          },
        );
      }
      return new DevaccessError(
        'DA_ACCESS_DENIED',
        `Access denied for ${service} ${operation} on ${about}: ${text}`,
        {
          next: `sign in with MFA (${mfaCommand(profile)}) or ask for the missing permission.`,
          cause: error,
        },
      );
    }
    case 'InvalidDocument':
      return new DevaccessError('DA_DOCUMENT', `The session document is not available: ${text}`, {
        next: `check the region (${region}): not every one has every document of AWS.`,
        cause: error,
      });
    default:
  }
  if (status !== undefined && status >= 500) {
    return new DevaccessError(
      'DA_SERVICE_UNAVAILABLE',
      `${service} ${operation} answered HTTP ${status}: ${text}`,
      {
        next: 'try again in a moment.',
        cause: error,
      },
    );
  }
  return serviceError(error, { service, operation, profile });
}
