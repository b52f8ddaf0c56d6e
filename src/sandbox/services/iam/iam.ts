import type { SandboxAccount } from '../../account.ts';
import type { AccessControl } from '../../iam/access-control.ts';
import { queryService } from '../../http/query-protocol.ts';
import type { QueryOperation } from '../../http/query-protocol.ts';
import type { HttpService } from '../../http/service.ts';
import { ServiceError } from '../../service-error.ts';
import type { TotpVerifier } from '../../totp.ts';
import { accessKeyOperations } from './access-keys.ts';
import { boundaryOperations } from './boundaries.ts';
import { groupOperations } from './groups.ts';
import { heldPolicyOperations } from './held-policies.ts';
import { IamDirectory } from './iam-directory.ts';
import type { IamContext } from './iam-operation.ts';
import { managedPolicyOperations } from './managed-policies.ts';
import { mfaDeviceOperations } from './mfa-devices.ts';
import { roleOperations } from './roles.ts';
import { simulationOperations } from './simulation.ts';
import { tagOperations } from './tags.ts';
import { userOperations } from './users.ts';

interface IamOptions {
  account: SandboxAccount;
  access: AccessControl;
  totp: TotpVerifier;
  now: () => number;
}

/**
 * AWS Identity and Access Management, 2010-05-08: users, groups, roles, policies, devices, keys and
 * the simulator.
 */
export function iamService({ account, access, totp, now }: IamOptions): HttpService {
  const iam: IamContext = { directory: new IamDirectory(account), access, totp, now };
  const operations = {
    ...userOperations(iam),
    ...groupOperations(iam),
    ...roleOperations(iam),
    ...managedPolicyOperations(iam),
    ...heldPolicyOperations(iam),
    ...boundaryOperations(iam),
    ...tagOperations(iam),
    ...accessKeyOperations(iam),
    ...mfaDeviceOperations(iam),
    ...simulationOperations(iam),
  };
  return queryService({
    signingName: 'iam',
    version: '2010-05-08',
    namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
    operations: Object.fromEntries(
      Object.entries(operations).map(([name, operation]) => [name, guarded(operation)]),
    ),
  });
}

/** GetSessionToken credentials without MFA may call no IAM operation at all. */
function guarded(operation: QueryOperation): QueryOperation {
  return (input, call) => {
    if (call.caller.kind === 'user-session' && !call.caller.mfaAuthenticated) {
      throw new ServiceError(
        'InvalidClientTokenId',
        'The security token included in the request is invalid',
        403,
      );
    }
    return operation(input, call);
  };
}
