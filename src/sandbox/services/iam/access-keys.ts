import type { AccessKey, IamUser } from '../../iam/entities.ts';
import { denialOf } from '../../iam/denial.ts';
import { randomIamId, randomSecretKey } from '../../identifiers.ts';
import type { QueryInput } from '../../http/query-input.ts';
import { isoSeconds } from '../iso-seconds.ts';
import { limitExceeded, noSuchEntity } from './iam-directory.ts';
import { Pager } from './iam-operation.ts';
import type { IamContext, IamOperations } from './iam-operation.ts';
import { namedUser } from './users.ts';

const KEY_ID_RULE = { min: 16, max: 128, pattern: /^\w*$/ } as const;
/** Inactive ones count. */
const KEYS_PER_USER = 2;

export function accessKeyOperations(iam: IamContext): IamOperations {
  const { directory, access, now } = iam;
  const pager = new Pager();
  return {
    CreateAccessKey: (input, call) => {
      const user = namedUser(iam, 'iam:CreateAccessKey', input, call);
      if (user.accessKeys.length >= KEYS_PER_USER) {
        throw limitExceeded(`Cannot exceed quota for AccessKeysPerUser: ${KEYS_PER_USER}`);
      }
      const key: AccessKey = {
        accessKeyId: randomIamId('AKIA'),
        secretAccessKey: randomSecretKey(),
        createdAtMs: now(),
        status: 'Active',
      };
      user.accessKeys.push(key);
      return {
        AccessKey: {
          UserName: user.userName,
          AccessKeyId: key.accessKeyId,
          Status: key.status,
          SecretAccessKey: key.secretAccessKey,
          CreateDate: isoSeconds(key.createdAtMs),
        },
      };
    },

    ListAccessKeys: (input, call) => {
      const page = pager.read(input);
      const { userName, accessKeys } = namedUser(iam, 'iam:ListAccessKeys', input, call);
      const { items, rest } = pager.page(accessKeys, page, call, userName);
      const member = items.map((key) => ({
        UserName: userName,
        AccessKeyId: key.accessKeyId,
        Status: key.status,
        CreateDate: isoSeconds(key.createdAtMs),
      }));
      return { AccessKeyMetadata: { member }, ...rest };
    },

    UpdateAccessKey: (input, call) => {
      const keyId = readKeyId(input);
      const status = input.requiredText('Status', { oneOf: ['Active', 'Inactive'] });
      const key = keyOf(namedUser(iam, 'iam:UpdateAccessKey', input, call), keyId);
      key.status = status === 'Active' ? 'Active' : 'Inactive';
      return {};
    },

    DeleteAccessKey: (input, call) => {
      const keyId = readKeyId(input);
      const user = namedUser(iam, 'iam:DeleteAccessKey', input, call);
      user.accessKeys.splice(user.accessKeys.indexOf(keyOf(user, keyId)), 1);
      return {};
    },

    GetAccessKeyLastUsed: (input, call) => {
      const action = 'iam:GetAccessKeyLastUsed';
      const keyId = readKeyId(input);
      input.check();
      const user = directory.account.users.find(({ accessKeys }) =>
        accessKeys.some(({ accessKeyId }) => accessKeyId === keyId),
      );
      const label = `access key ${keyId}`;
      // A key of nobody is none of the caller's business, whoever it is.
      if (user === undefined) {
        const request = { action, resource: label };
        throw denialOf(call.caller, request, { decision: 'implicitDeny' });
      }
      access.require(call, { action, resource: user.arn, label });
      const { lastUsed } = keyOf(user, keyId);
      return {
        UserName: user.userName,
        AccessKeyLastUsed: {
          LastUsedDate: lastUsed === undefined ? undefined : isoSeconds(lastUsed.atMs),
          ServiceName: lastUsed?.service ?? 'N/A',
          Region: lastUsed?.region ?? 'N/A',
        },
      };
    },
  };
}

function readKeyId(input: QueryInput): string {
  return input.requiredText('AccessKeyId', KEY_ID_RULE);
}

function keyOf({ accessKeys }: IamUser, keyId: string): AccessKey {
  const key = accessKeys.find(({ accessKeyId }) => accessKeyId === keyId);
  if (key === undefined) throw noSuchEntity(`The Access Key with id ${keyId} cannot be found.`);
  return key;
}
