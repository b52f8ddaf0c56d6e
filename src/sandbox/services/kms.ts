import { randomBytes } from 'node:crypto';
import type { KmsKey, SandboxAccount } from '../account.ts';
import type { JsonInput } from '../http/json-input.ts';
import type { AccessControl } from '../iam/access-control.ts';
import { tagEntries } from '../iam-policy/request-context.ts';
import { jsonService } from '../http/json-protocol.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import type { Call, HttpService } from '../http/service.ts';
import { ServiceError } from '../service-error.ts';
import type { KmsVault } from './kms-vault.ts';

const KEY_ID_RULE = { min: 1, max: 2048 } as const;
const CIPHERTEXT_BYTES = { min: 1, max: 6144 } as const;
const ALGORITHM = 'SYMMETRIC_DEFAULT';
const ALGORITHM_RULE = {
  oneOf: ['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'],
} as const;

interface KmsOptions {
  account: SandboxAccount;
  access: AccessControl;
  vault: KmsVault;
}

/** What may be done with a key is up to IAM: the key policies of the sandbox hand it to the account. */
type RequireKey = (
  call: Call,
  action: string,
  key: KmsKey,
  context: ReadonlyMap<string, string>,
) => void;

/** AWS Key Management Service, 2014-11-01: symmetric keys. */
export function kmsService({ account, access, vault }: KmsOptions): HttpService {
  const requireKey: RequireKey = (call, action, key, context) =>
    access.require(call, {
      action: `kms:${action}`,
      resource: key.arn,
      context: {
        ...tagEntries('kms:EncryptionContext:', context),
        'kms:EncryptionContextKeys': context.size === 0 ? undefined : [...context.keys()],
      },
    });
  return jsonService({
    signingName: 'kms',
    targetPrefix: 'TrentService',
    operations: {
      GenerateDataKey: generateDataKey(account, vault, requireKey),
      Encrypt: encrypt(account, vault, requireKey),
      Decrypt: decrypt(account, vault, requireKey),
    },
  });
}

function generateDataKey(
  account: SandboxAccount,
  vault: KmsVault,
  requireKey: RequireKey,
): JsonOperation {
  return (input, call) => {
    const { region } = call;
    const keyId = input.requiredText('KeyId', KEY_ID_RULE);
    const keySpec = input.text('KeySpec', { oneOf: ['AES_256', 'AES_128'] });
    const byteCount = input.integer('NumberOfBytes', { min: 1, max: 1024 });
    const context = input.textMap('EncryptionContext');
    input.check();
    if ((keySpec === undefined) === (byteCount === undefined)) {
      throw new ServiceError(
        'ValidationException',
        'Please specify either number of bytes or key spec.',
      );
    }
    const key = findKey(account, region, keyId);
    requireKey(call, 'GenerateDataKey', key, context);
    refuseUnsupported(input);
    const plaintext = randomBytes(byteCount ?? (keySpec === 'AES_128' ? 16 : 32));
    return {
      CiphertextBlob: vault.encrypt(key, plaintext, context).toString('base64'),
      Plaintext: plaintext.toString('base64'),
      KeyId: key.arn,
      KeyMaterialId: vault.materialId(key),
    };
  };
}

function encrypt(account: SandboxAccount, vault: KmsVault, requireKey: RequireKey): JsonOperation {
  return (input, call) => {
    const { region } = call;
    const keyId = input.requiredText('KeyId', KEY_ID_RULE);
    const plaintext = input.blob('Plaintext', { min: 1, max: 4096 });
    if (plaintext === undefined) input.constraints.missing('Plaintext');
    const context = input.textMap('EncryptionContext');
    const algorithm = input.text('EncryptionAlgorithm', ALGORITHM_RULE);
    input.check();
    const key = findKey(account, region, keyId);
    requireKey(call, 'Encrypt', key, context);
    checkAlgorithm(key, algorithm);
    refuseUnsupported(input);
    return {
      CiphertextBlob: vault.encrypt(key, plaintext ?? Buffer.alloc(0), context).toString('base64'),
      KeyId: key.arn,
      EncryptionAlgorithm: ALGORITHM,
    };
  };
}

function decrypt(account: SandboxAccount, vault: KmsVault, requireKey: RequireKey): JsonOperation {
  return (input, call) => {
    const { region } = call;
    const ciphertext = input.blob('CiphertextBlob', CIPHERTEXT_BYTES);
    if (ciphertext === undefined) input.constraints.missing('CiphertextBlob');
    const keyId = input.text('KeyId', KEY_ID_RULE);
    const context = input.textMap('EncryptionContext');
    const algorithm = input.text('EncryptionAlgorithm', ALGORITHM_RULE);
    input.check();
    const named = keyId === undefined ? undefined : findKey(account, region, keyId);
    refuseUnsupported(input);
    const opened = vault.decrypt(ciphertext ?? Buffer.alloc(0), context);
    if (opened?.key.region !== region) throw new ServiceError('InvalidCiphertextException', '');
    const { key, plaintext } = opened;
    requireKey(call, 'Decrypt', key, context);
    if (named !== undefined && named.keyId !== key.keyId) {
      throw new ServiceError(
        'IncorrectKeyException',
        'The key ID in the request does not identify a CMK that can perform this operation.',
      );
    }
    checkAlgorithm(key, algorithm);
    return {
      Plaintext: plaintext.toString('base64'),
      KeyId: key.arn,
      EncryptionAlgorithm: ALGORITHM,
      KeyMaterialId: vault.materialId(key),
    };
  };
}

/** Finds a key by id, ARN, alias or alias ARN, in the region of the call. */
export function findKey(account: SandboxAccount, region: string, keyId: string): KmsKey {
  const prefix = `arn:aws:kms:${region}:${account.accountId}:`;
  const local = keyId.startsWith(prefix) ? keyId.slice(prefix.length) : keyId;
  const keys = account.kmsKeys.filter((key) => key.region === region);
  const found = local.startsWith('alias/')
    ? keys.find(({ aliases }) => aliases.includes(local))
    : keys.find((key) => key.keyId === local.replace(/^key\//, ''));
  if (found !== undefined) return found;
  if (local.startsWith('alias/')) {
    throw new ServiceError('NotFoundException', `Alias ${prefix}${local} is not found.`);
  }
  const id = local.replace(/^key\//, '');
  throw /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
    ? new ServiceError('NotFoundException', `Key '${prefix}key/${id}' does not exist`)
    : new ServiceError('NotFoundException', `Invalid keyId '${keyId}'`);
}

function checkAlgorithm(key: KmsKey, algorithm: string | undefined): void {
  if (algorithm === undefined || algorithm === ALGORITHM) return;
  const message = `${algorithm} is incompatible with key spec SYMMETRIC_DEFAULT of ${key.arn}.`;
  throw new ServiceError('InvalidKeyUsageException', message);
}

function refuseUnsupported(input: JsonInput): void {
  if (input.has('Recipient')) {
    throw new ServiceError('UnsupportedOperationException', 'Recipient is not supported.');
  }
  if (input.flag('DryRun')) {
    const message = 'The request would have succeeded, but the DryRun option is set.';
    throw new ServiceError('DryRunOperationException', message, 412);
  }
}
