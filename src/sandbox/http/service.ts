import type { CallerIdentity } from '../caller.ts';
import { header } from './message.ts';
import type { RawRequest, Reply } from './message.ts';
import type { ServiceError } from '../service-error.ts';
import type { Verification } from './signature.ts';

/** What an operation knows about its call besides the input. */
export interface Call {
  readonly caller: CallerIdentity;
  /** The region the request was signed for. */
  readonly region: string;
  readonly requestId: string;
  /** Where the request came from, and what sent it, for policies that ask (`aws:SourceIp`). */
  readonly sourceIp?: string | undefined;
  readonly userAgent?: string | undefined;
}

/** A call that is about to be carried out; an error is answered in its place. */
export type Intercept = (call: ApiCall) => ServiceError | undefined;

/** `service` is the signing name, `operation` as in the service's model. */
export interface ApiCall {
  readonly service: string;
  readonly operation: string;
  readonly caller: CallerIdentity;
}

/** One AWS service behind the shared endpoint. */
export interface HttpService {
  /** The service's SigV4 signing name. */
  readonly signingName: string;
  /** True when an unsigned request is nevertheless meant for this service. */
  claims: (request: RawRequest) => boolean;
  /** Answers a request; never throws for what a client sent. */
  answer: (
    request: RawRequest,
    verification: Verification,
    requestId: string,
    intercept?: Intercept,
  ) => Reply;
}

/** What an operation is told of its call. */
export function callOf(
  request: RawRequest,
  verified: Extract<Verification, { state: 'verified' }>,
  requestId: string,
): Call {
  return {
    caller: verified.caller,
    region: verified.scope.region,
    requestId,
    // An IPv4 client of a socket that takes both families.
    sourceIp: request.remoteAddress?.replace(/^::ffff:/, ''),
    userAgent: header(request, 'user-agent'),
  };
}
