import { ServiceError } from '../service-error.ts';
import { JsonInput } from './json-input.ts';
import { header } from './message.ts';
import type { RawRequest, Reply } from './message.ts';
import { callOf } from './service.ts';
import type { Call, HttpService } from './service.ts';
import type { SignatureFault, Verification } from './signature.ts';

export type JsonOperation = (input: JsonInput, call: Call) => Record<string, unknown>;

/** An operation that is not called with keys of the account, but checks itself who calls. */
export type SelfCheckedOperation = (
  input: JsonInput,
  request: RawRequest,
) => Record<string, unknown>;

interface JsonServiceOptions {
  signingName: string;
  /** The part of `X-Amz-Target` before the dot. */
  targetPrefix: string;
  operations: Readonly<Record<string, JsonOperation>>;
  selfChecked?: Readonly<Record<string, SelfCheckedOperation>>;
}

/** A service of the AWS JSON 1.1 protocol: POST with `X-Amz-Target: <prefix>.<operation>`. */
export function jsonService(options: JsonServiceOptions): HttpService {
  const { signingName, targetPrefix } = options;
  const operations = new Map(Object.entries(options.operations));
  const selfChecked = new Map(Object.entries(options.selfChecked ?? {}));
  return {
    signingName,
    claims: (request) => header(request, 'x-amz-target')?.split('.')[0] === targetPrefix,
    answer: (request, verification, requestId, intercept) => {
      try {
        const [prefix, name = ''] = (header(request, 'x-amz-target') ?? '').split('.');
        const isOurs = prefix === targetPrefix && request.method === 'POST';
        const own = isOurs ? selfChecked.get(name) : undefined;
        if (own !== undefined) {
          return jsonReply(200, requestId, own(new JsonInput(parseBody(request)), request));
        }
        const operation = isOurs ? operations.get(name) : undefined;
        if (operation === undefined) throw new ServiceError('UnknownOperationException', '');
        const call = callOf(request, authentic(verification), requestId);
        const fault = intercept?.({ service: signingName, operation: name, caller: call.caller });
        if (fault !== undefined) throw fault;
        return jsonReply(200, requestId, operation(new JsonInput(parseBody(request)), call));
      } catch (error) {
        return errorReply(error, requestId);
      }
    },
  };
}

/** @throws ServiceError for who signed with no key of the account, or not at all */
function authentic(verification: Verification): Extract<Verification, { state: 'verified' }> {
  switch (verification.state) {
    case 'absent':
      throw new ServiceError('MissingAuthenticationTokenException', 'Missing Authentication Token');
    case 'refused':
      throw authenticationError(verification.fault);
    case 'verified':
      return verification;
  }
}

function parseBody(request: RawRequest): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(request.body.toString('utf8'));
  } catch {
    throw new ServiceError('SerializationException', '');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ServiceError('SerializationException', 'Start of structure or map expected');
  }
  return value as Record<string, unknown>;
}

export function authenticationError({ reason, detail }: SignatureFault): ServiceError {
  const codes = {
    incomplete: 'IncompleteSignatureException',
    'unknown-key': 'UnrecognizedClientException',
    'expired-token': 'ExpiredTokenException',
    mismatch: 'InvalidSignatureException',
    'not-current': 'InvalidSignatureException',
    'wrong-scope': 'InvalidSignatureException',
  } as const satisfies Record<SignatureFault['reason'], string>;
  return new ServiceError(codes[reason], detail);
}

function errorReply(error: unknown, requestId: string): Reply {
  if (!(error instanceof ServiceError)) {
    return jsonReply(500, requestId, { __type: 'InternalServerError' });
  }
  const { code, status, message, members } = error;
  const text = message === '' || 'Message' in members ? {} : { message };
  return jsonReply(status, requestId, { __type: code, ...text, ...members });
}

function jsonReply(status: number, requestId: string, body: Record<string, unknown>): Reply {
  return {
    status,
    headers: { 'x-amzn-RequestId': requestId, 'Content-Type': 'application/x-amz-json-1.1' },
    body: JSON.stringify(body),
  };
}
