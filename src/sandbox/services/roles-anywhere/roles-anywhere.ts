import { splitTarget } from '../../http/message.ts';
import type { RawRequest } from '../../http/message.ts';
import { requireCaller, restErrorReply, restReply } from '../../http/rest-json-protocol.ts';
import { callOf } from '../../http/service.ts';
import type { HttpService } from '../../http/service.ts';
import type { AccessControl } from '../../iam/access-control.ts';
import { isSignedByCertificate } from '../../roles-anywhere/certificate-signature.ts';
import { ServiceError } from '../../service-error.ts';
import { CreateSession } from './create-session.ts';
import type { CreateSessionOptions } from './create-session.ts';
import { resourceOperation } from './anywhere-resources.ts';

const SIGNING_NAME = 'rolesanywhere';
const PATHS = /^\/(?:sessions|trustanchors?|profiles?)(?:\/|$)/;

/**
 * IAM Roles Anywhere, 2018-05-10: CreateSession, and what makes, lists, enables, disables and deletes
 * trust anchors (of certificates) and profiles. No attribute mappings, revocation lists and tags.
 */
export function rolesAnywhereService(
  options: CreateSessionOptions & { access: AccessControl },
): HttpService {
  const sessions = new CreateSession(options);
  const { account, access, registry, now } = options;
  return {
    signingName: SIGNING_NAME,
    claims: (request) => isSignedByCertificate(request) || PATHS.test(pathOf(request)),
    answer: (request, verification, requestId, intercept) => {
      try {
        if (pathOf(request) === '/sessions') {
          return restReply(201, requestId, sessions.answer(request), now());
        }
        const call = callOf(request, requireCaller(verification), requestId);
        const operation = resourceOperation(request.method, pathOf(request));
        if (operation === undefined) throw new ServiceError('UnknownOperationException', '', 404);
        const { name, resource, run } = operation;
        const { caller, region } = call;
        const fault = intercept?.({ service: SIGNING_NAME, operation: name, caller });
        if (fault !== undefined) throw fault;
        access.require(call, {
          action: `rolesanywhere:${name}`,
          resource: `arn:aws:rolesanywhere:${region}:${account.accountId}:${resource}`,
        });
        const { status, body } = run({ registry, request, region, callerArn: caller.arn, now });
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
