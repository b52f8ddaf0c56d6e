import { ServiceError } from '../service-error.ts';
import type { RawRequest, Reply } from './message.ts';
import { QueryInput } from './query-input.ts';
import { callOf } from './service.ts';
import type { Call, HttpService, Intercept } from './service.ts';
import type { SignatureFault, Verification } from './signature.ts';
import { renderXml } from './xml.ts';
import type { XmlValue } from './xml.ts';

export type QueryOperation = (input: QueryInput, call: Call) => Readonly<Record<string, XmlValue>>;

interface QueryServiceOptions {
  signingName: string;
  /** The API version, which tells unsigned requests apart. */
  version: string;
  namespace: string;
  operations: Readonly<Record<string, QueryOperation>>;
}

/** What the two dialects of the query protocol do differently. */
interface Dialect {
  contentType: string;
  success: (
    action: string,
    result: Readonly<Record<string, XmlValue>>,
    requestId: string,
  ) => string;
  failure: (error: ServiceError, requestId: string) => string;
  unknownAction: (action: string, version: string) => ServiceError;
  unsigned: () => ServiceError;
  unauthentic: (fault: SignatureFault) => ServiceError;
}

/** A service of the AWS query protocol (STS, IAM). */
export function queryService(options: QueryServiceOptions): HttpService {
  const { namespace } = options;
  return service(options, {
    contentType: 'text/xml',
    success: (action, result, requestId) =>
      renderXml(
        `${action}Response`,
        {
          // Operations without a result have no such element.
          ...(Object.keys(result).length === 0 ? {} : { [`${action}Result`]: result }),
          ResponseMetadata: { RequestId: requestId },
        },
        namespace,
      ),
    failure: ({ code, status, message }, requestId) => {
      const Type = status < 500 ? 'Sender' : 'Receiver';
      return renderXml(
        'ErrorResponse',
        { Error: { Type, Code: code, Message: message }, RequestId: requestId },
        namespace,
      );
    },
    unknownAction: (action, version) =>
      action === ''
        ? new ServiceError('MissingAction', 'Missing Action')
        : new ServiceError(
            'InvalidAction',
            `Could not find operation ${action} for version ${version}`,
          ),
    unsigned: () =>
      new ServiceError(
        'MissingAuthenticationToken',
        'Request is missing Authentication Token',
        403,
      ),
    unauthentic: ({ reason, detail }) => {
      const codes = {
        incomplete: 'IncompleteSignature',
        'unknown-key': 'InvalidClientTokenId',
        'expired-token': 'ExpiredToken',
        mismatch: 'SignatureDoesNotMatch',
        'not-current': 'SignatureDoesNotMatch',
        'wrong-scope': 'SignatureDoesNotMatch',
      } as const satisfies Record<SignatureFault['reason'], string>;
      return new ServiceError(codes[reason], detail, reason === 'incomplete' ? 400 : 403);
    },
  });
}

/** A service of EC2's own dialect: flat results, `requestId`, and errors in `Response/Errors`. */
export function ec2Service(options: QueryServiceOptions): HttpService {
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  return service(options, {
    contentType: 'text/xml;charset=UTF-8',
    success: (action, result, requestId) => {
      return `${declaration}${renderXml(`${action}Response`, { requestId, ...result }, options.namespace)}`;
    },
    failure: ({ code, message }, requestId) => {
      const body = { Errors: { Error: { Code: code, Message: message } }, RequestID: requestId };
      return `${declaration}${renderXml('Response', body)}`;
    },
    unknownAction: (action) =>
      action === ''
        ? new ServiceError('MissingParameter', 'The request must contain the parameter Action')
        : new ServiceError(
            'InvalidAction',
            `The action ${action} is not valid for this web service.`,
          ),
    unsigned: () =>
      new ServiceError('MissingParameter', 'The request must contain the parameter AWSAccessKeyId'),
    unauthentic: ({ reason, detail }) => {
      switch (reason) {
        case 'incomplete':
          return new ServiceError('IncompleteSignature', detail);
        case 'expired-token':
        case 'not-current':
          return new ServiceError('RequestExpired', 'Request has expired.');
        case 'unknown-key':
        case 'mismatch':
        case 'wrong-scope': {
          const message = 'AWS was not able to validate the provided access credentials';
          return new ServiceError('AuthFailure', message, 401);
        }
      }
    },
  });
}

function service(options: QueryServiceOptions, dialect: Dialect): HttpService {
  const { signingName, version } = options;
  const operations = new Map(Object.entries(options.operations));

  const run = (
    request: RawRequest,
    verification: Verification,
    requestId: string,
    intercept?: Intercept,
  ): string => {
    if (request.method !== 'POST' && request.method !== 'GET') {
      throw dialect.unknownAction('', version);
    }
    const input = QueryInput.from(request);
    const action = input.text('Action') ?? '';
    const givenVersion = input.text('Version') ?? version;
    const operation = givenVersion === version ? operations.get(action) : undefined;
    if (operation === undefined) throw dialect.unknownAction(action, givenVersion);
    if (verification.state === 'absent') throw dialect.unsigned();
    if (verification.state === 'refused') throw dialect.unauthentic(verification.fault);
    const call = callOf(request, verification, requestId);
    const fault = intercept?.({ service: signingName, operation: action, caller: call.caller });
    if (fault !== undefined) throw fault;
    return dialect.success(action, operation(input, call), requestId);
  };

  const reply = (status: number, requestId: string, body: string): Reply => ({
    status,
    headers: { 'x-amzn-RequestId': requestId, 'Content-Type': dialect.contentType },
    body,
  });

  return {
    signingName,
    claims: (request) => {
      try {
        return QueryInput.from(request).text('Version') === version;
      } catch {
        return false;
      }
    },
    answer: (request, verification, requestId, intercept) => {
      try {
        return reply(200, requestId, run(request, verification, requestId, intercept));
      } catch (error) {
        const known =
          error instanceof ServiceError
            ? error
            : new ServiceError('InternalFailure', 'An internal error has occurred.', 500);
        return reply(known.status, requestId, dialect.failure(known, requestId));
      }
    },
  };
}
