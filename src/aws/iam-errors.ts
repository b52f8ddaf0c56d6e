import { DevaccessError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import { mfaCommand, serviceError } from './service-errors.ts';

/** What a call of IAM was about. */
export interface IamContext {
  /** As AWS writes it: `CreateAccessKey`. */
  operation: string;
  /** Profile whose credentials were used; undefined for those of the environment. */
  profile: string | undefined;
  /** The feature of `devaccess iam policy --for` whose statements allow the call. */
  feature?: string | undefined;
}

/** IAM's own errors; the SDK calls some of them `…Exception`. */
const IAM_ERRORS: Readonly<Record<string, { code: ErrorCode; next: string }>> = {
  LimitExceeded: {
    code: 'DA_IAM_LIMIT',
    next: 'remove what is not needed any more, or have the quota of the account raised',
  },
  EntityAlreadyExists: { code: 'DA_IAM_EXISTS', next: 'take another name' },
  NoSuchEntity: {
    code: 'DA_IAM_NOT_FOUND',
    next: 'check the name; what was made a moment ago may take some seconds to be seen',
  },
  DeleteConflict: {
    code: 'DA_IAM_IN_USE',
    next: 'remove what is attached to it first, as the message of AWS says',
  },
  EntityTemporarilyUnmodifiable: { code: 'DA_IAM_BUSY', next: 'try again in a minute' },
  ConcurrentModification: { code: 'DA_IAM_BUSY', next: 'try again in a minute' },
  InvalidAuthenticationCode: {
    code: 'DA_MFA_CODE_REFUSED',
    next: 'give two codes that the device shows one after the other',
  },
  MalformedPolicyDocument: { code: 'DA_POLICY_INVALID', next: 'see the message of AWS' },
};

/**
 * An error of IAM as one for a person. A refusal says which permission is missing, as AWS tells it.
 *
 * @returns DevaccessError DA_IAM_LIMIT, DA_IAM_EXISTS, DA_IAM_NOT_FOUND, DA_IAM_IN_USE, DA_IAM_BUSY,
 *   DA_MFA_CODE_REFUSED, DA_ACCESS_DENIED and those of `serviceError`
 */
export function iamError(error: unknown, context: IamContext): unknown {
  if (error instanceof DevaccessError) return error;
  const { operation, profile } = context;
  const { name = '', message = '' } = error instanceof Error ? error : {};
  const known = IAM_ERRORS[name.replace(/Exception$/, '')];
  if (known !== undefined) {
    const what = `IAM ${operation} failed: ${message}`;
    return new DevaccessError(known.code, what, { next: known.next, cause: error });
  }
  return (
    refusal(message, error, context) ?? serviceError(error, { service: 'IAM', operation, profile })
  );
}

/** What AWS says of a refusal: the action, its resource, and whether a Deny is behind it. */
const REFUSAL =
  /is not authorized to perform: ([\w-]+:\w+)(?: on resource: (\S.*?))? (because|with an explicit deny)/;

function refusal(
  text: string,
  cause: unknown,
  { profile, feature }: IamContext,
): DevaccessError | undefined {
  const [, action, resource, ground] = REFUSAL.exec(text) ?? [];
  if (action === undefined) return undefined;
  const who = profile === undefined ? 'The credentials of the environment' : `Profile ${profile}`;
  const on = resource === undefined ? '' : ` on ${resource}`;
  const isDenied = ground !== 'because';
  const what = isDenied ? 'is denied by a policy' : 'is not allowed';
  const advice =
    feature === undefined
      ? `allow ${action} in IAM`
      : `add the statement of devaccess iam policy --for ${feature}`;
  const withMfa = `where a policy asks for MFA, ${mfaCommand(profile)} first`;
  return new DevaccessError('DA_ACCESS_DENIED', `${who} may not do this: ${action}${on} ${what}`, {
    next: isDenied ? `${withMfa}; else ask who keeps the policies` : `${advice}; ${withMfa}`,
    cause,
  });
}
