import { ServiceError } from '../service-error.ts';
import { JsonInput } from './json-input.ts';
import type { RawRequest, Reply } from './message.ts';
import type { Verification } from './signature.ts';

/** The members of a request's JSON body; none for an empty one. @throws ServiceError */
export function jsonBody({ body }: RawRequest): Record<string, unknown> {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new ServiceError('ValidationException', 'Could not parse request body into json');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ServiceError('ValidationException', 'Expected a JSON object');
  }
  return value as Record<string, unknown>;
}

/** As `jsonBody`, to be read member by member. @throws ServiceError */
export function jsonBodyInput(request: RawRequest): JsonInput {
  return new JsonInput(jsonBody(request));
}

/** A reply of the AWS REST JSON 1 protocol. */
export function restReply(
  status: number,
  requestId: string,
  body: Record<string, unknown>,
  nowMs: number,
): Reply {
  return {
    status,
    headers: {
      'x-amzn-RequestId': requestId,
      'Content-Type': 'application/json',
      // By the service's clock, which a test may set.
      Date: new Date(nowMs).toUTCString(),
    },
    body: JSON.stringify(body),
  };
}

/** The code goes into a header, the text into the body. */
export function restErrorReply(error: unknown, requestId: string, nowMs: number): Reply {
  const told =
    error instanceof ServiceError
      ? error
      : new ServiceError('InternalServerException', 'Internal server error', 500);
  const reply = restReply(told.status, requestId, { message: told.message }, nowMs);
  return { ...reply, headers: { ...reply.headers, 'x-amzn-ErrorType': told.code } };
}

/** Refuses what is not signed with keys of the account. @throws ServiceError */
export function requireCaller(verification: Verification) {
  switch (verification.state) {
    case 'verified':
      return verification;
    case 'absent':
      throw new ServiceError(
        'MissingAuthenticationTokenException',
        'Missing Authentication Token',
        403,
      );
    case 'refused': {
      const isToken = /token|key/.test(verification.fault.reason);
      const code = isToken ? 'UnrecognizedClientException' : 'InvalidSignatureException';
      throw new ServiceError(code, verification.fault.detail, 403);
    }
  }
}
