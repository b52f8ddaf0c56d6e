import { splitTarget } from '../../http/message.ts';
import type { RawRequest } from '../../http/message.ts';
import { requireCaller, restErrorReply, restReply } from '../../http/rest-json-protocol.ts';
import type { HttpService } from '../../http/service.ts';
import { isSignedByCertificate } from '../../roles-anywhere/certificate-signature.ts';
import { ServiceError } from '../../service-error.ts';
import { CreateSession } from './create-session.ts';
import type { CreateSessionOptions } from './create-session.ts';
import { resourceOperation } from './anywhere-resources.ts';

const PATHS = /^\/(?:sessions|trustanchors?|profiles?)(?:\/|$)/;

/**
 * IAM Roles Anywhere, 2018-05-10: CreateSession, and what makes, lists, enables, disables and deletes
 * trust anchors (of certificates) and profiles. No attribute mappings, revocation lists and tags.
 */
export function rolesAnywhereService(options: CreateSessionOptions): HttpService {
  const sessions = new CreateSession(options);
  const { registry, now } = options;
  return {
    signingName: 'rolesanywhere',
    claims: (request) => isSignedByCertificate(request) || PATHS.test(pathOf(request)),
    answer: (request, verification, requestId) => {
      try {
        if (pathOf(request) === '/sessions') {
          return restReply(201, requestId, sessions.answer(request), now());
        }
        const { caller, scope } = requireCaller(verification);
        const operation = resourceOperation(request.method, pathOf(request));
        if (operation === undefined) throw new ServiceError('UnknownOperationException', '', 404);
        const call = { registry, request, region: scope.region, callerArn: caller.arn, now };
        const { status, body } = operation(call);
        return restReply(status, requestId, body, now());
      } catch (error) {
        return restErrorReply(error, requestId, now());
      }
    },
  };
}

function pathOf({ target }: RawRequest): string {
  return splitTarget(target).path;
}
