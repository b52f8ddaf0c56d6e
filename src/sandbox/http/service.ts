import type { CallerIdentity } from '../caller.ts';
import type { RawRequest, Reply } from './message.ts';
import type { Verification } from './signature.ts';

/** What an operation knows about its call besides the input. */
export interface Call {
  readonly caller: CallerIdentity;
  /** The region the request was signed for. */
  readonly region: string;
  readonly requestId: string;
}

/** One AWS service behind the shared endpoint. */
export interface HttpService {
  /** The service's SigV4 signing name. */
  readonly signingName: string;
  /** True when an unsigned request is nevertheless meant for this service. */
  claims: (request: RawRequest) => boolean;
  /** Answers a request; never throws for what a client sent. */
  answer: (request: RawRequest, verification: Verification, requestId: string) => Reply;
}
