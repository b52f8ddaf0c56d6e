import type { IamUser, SandboxAccount } from '../account.ts';
import type { CallerIdentity } from '../caller.ts';
import { queryService } from '../http/query-protocol.ts';
import type { QueryOperation } from '../http/query-protocol.ts';
import type { QueryInput } from '../http/query-input.ts';
import type { HttpService } from '../http/service.ts';
import { ServiceError } from '../service-error.ts';
import { isoSeconds } from './sts.ts';

const NAME_RULE = { min: 1, max: 128, pattern: /^[\w+=,.@-]+$/ } as const;
const KEY_ID_RULE = { min: 16, max: 128, pattern: /^\w*$/ } as const;
const PAGE_RULE = { min: 1, max: 1000 } as const;

interface IamOptions {
  account: SandboxAccount;
}

/**
 * AWS Identity and Access Management, 2010-05-08: reading users, devices and keys, and disabling
 * keys. Lists are short here and always whole, so a marker is never given out and never right.
 */
export function iamService({ account }: IamOptions): HttpService {
  /** GetSessionToken credentials without MFA may call no IAM operation at all. */
  const guarded =
    (operation: QueryOperation): QueryOperation =>
    (input, call) => {
      if (call.caller.kind === 'user-session' && !call.caller.mfaAuthenticated) {
        throw new ServiceError(
          'InvalidClientTokenId',
          'The security token included in the request is invalid',
          403,
        );
      }
      return operation(input, call);
    };

  return queryService({
    signingName: 'iam',
    version: '2010-05-08',
    namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
    operations: {
      GetUser: guarded((input, { caller }) => ({
        User: userElements(namedUser(account, input, caller)),
      })),
      ListUsers: guarded((input) => {
        const prefix = input.text('PathPrefix', { min: 1, max: 512, pattern: /^\/[\x21-\x7f]*$/ });
        checkPage(input);
        // All users have the path `/`.
        const users = (prefix ?? '/') === '/' ? account.users : [];
        return { Users: { member: users.map(userElements) }, IsTruncated: false };
      }),
      ListMFADevices: guarded((input, { caller }) => {
        const { userName, mfaDevices } = namedUser(account, input, caller);
        checkPage(input);
        const member = mfaDevices.map((device) => ({
          UserName: userName,
          SerialNumber: device.serialNumber,
          EnableDate: isoSeconds(device.enabledAtMs),
        }));
        return { MFADevices: { member }, IsTruncated: false };
      }),
      ListAccessKeys: guarded((input, { caller }) => {
        const { userName, accessKeys } = namedUser(account, input, caller);
        checkPage(input);
        const member = accessKeys.map((key) => ({
          UserName: userName,
          AccessKeyId: key.accessKeyId,
          Status: key.status,
          CreateDate: isoSeconds(key.createdAtMs),
        }));
        return { AccessKeyMetadata: { member }, IsTruncated: false };
      }),
      UpdateAccessKey: guarded((input, { caller }) => {
        const keyId = input.requiredText('AccessKeyId', KEY_ID_RULE);
        const status = input.requiredText('Status', { oneOf: ['Active', 'Inactive'] });
        const { accessKeys } = namedUser(account, input, caller);
        const key = accessKeys.find(({ accessKeyId }) => accessKeyId === keyId);
        if (key === undefined) {
          const message = `The Access Key with id ${keyId} cannot be found.`;
          throw new ServiceError('NoSuchEntity', message, 404);
        }
        key.status = status === 'Active' ? 'Active' : 'Inactive';
        return {};
      }),
    },
  });
}

/** The user `UserName` names, or else the one behind the caller's key. */
function namedUser(account: SandboxAccount, input: QueryInput, caller: CallerIdentity): IamUser {
  const name = input.text('UserName', NAME_RULE);
  input.check();
  if (name === undefined) {
    if (caller.user !== undefined) return caller.user;
    throw new ServiceError(
      'ValidationError',
      'Must specify userName when calling with non-User credentials',
    );
  }
  const user = account.users.find(({ userName }) => userName === name);
  if (user !== undefined) return user;
  throw new ServiceError('NoSuchEntity', `The user with name ${name} cannot be found.`, 404);
}

function checkPage(input: QueryInput): void {
  input.integer('MaxItems', PAGE_RULE);
  const marker = input.text('Marker', { min: 1, max: 320 });
  input.check();
  if (marker !== undefined) throw new ServiceError('ValidationError', `Invalid Marker.`);
}

function userElements(user: IamUser): Record<string, string> {
  return {
    Path: '/',
    UserName: user.userName,
    UserId: user.userId,
    Arn: user.arn,
    CreateDate: isoSeconds(user.createdAtMs),
  };
}
