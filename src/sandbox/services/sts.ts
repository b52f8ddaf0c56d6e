import { queryService } from '../http/query-protocol.ts';
import type { QueryOperation } from '../http/query-protocol.ts';
import type { HttpService } from '../http/service.ts';
import { assumeRole } from './sts-assume-role.ts';
import { credentialElements, denied, readCode, redeemCode } from './sts-session.ts';
import type { StsOptions } from './sts-session.ts';

const DURATION_S = { min: 900, max: 129_600, default: 43_200 } as const;

/** AWS Security Token Service, 2011-06-15. */
export function stsService(options: StsOptions): HttpService {
  return queryService({
    signingName: 'sts',
    version: '2011-06-15',
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    operations: {
      // No policy can take these two away.
      GetCallerIdentity: (_input, { caller }) => ({
        Arn: caller.arn,
        UserId: caller.userId,
        Account: caller.accountId,
      }),
      GetSessionToken: getSessionToken(options),
      AssumeRole: assumeRole(options),
    },
  });
}

function getSessionToken(options: StsOptions): QueryOperation {
  return (input, { caller }) => {
    const seconds = input.integer('DurationSeconds', DURATION_S) ?? DURATION_S.default;
    const code = readCode(input);
    input.check();
    if (caller.kind !== 'user') {
      throw denied('Cannot call GetSessionToken with session credentials');
    }
    const mfaAuthenticated = redeemCode(options, caller, code);
    const issued = options.credentials.issue(
      { ...caller, kind: 'user-session', mfaAuthenticated },
      seconds,
    );
    return { Credentials: credentialElements(issued) };
  };
}
