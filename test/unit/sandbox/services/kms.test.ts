import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { KmsKey, SandboxAccount } from '../../../../src/sandbox/account.ts';
import type { CallerIdentity } from '../../../../src/sandbox/caller.ts';
import { AccessControl } from '../../../../src/sandbox/iam/access-control.ts';
import { seedAccount } from '../../../../src/sandbox/seed.ts';
import { KmsVault } from '../../../../src/sandbox/services/kms-vault.ts';
import { kmsService } from '../../../../src/sandbox/services/kms.ts';

const seeded = seedAccount({ nowMs: 0 });
const keyId = randomUUID();
const other: KmsKey = {
  keyId,
  arn: `arn:aws:kms:us-east-1:123456789012:key/${keyId}`,
  region: 'us-east-1',
  aliases: ['alias/other'],
  createdAtMs: 0,
};
const account: SandboxAccount = { ...seeded, kmsKeys: [...seeded.kmsKeys, other] };
const service = kmsService({
  account,
  access: new AccessControl(account, () => 0),
  vault: new KmsVault(account.kmsKeys),
});
const user = account.users[0]!;
const caller: CallerIdentity = {
  accountId: account.accountId,
  arn: user.arn,
  userId: user.userId,
  name: user.userName,
  accessKeyId: 'AKIA',
  kind: 'user',
  mfaAuthenticated: false,
  user,
};

function call(operation: string, input: unknown, region = 'us-east-1'): Record<string, unknown> {
  const { status, body } = service.answer(
    {
      method: 'POST',
      target: '/',
      headers: new Map([['x-amz-target', [`TrentService.${operation}`]]]),
      body: Buffer.from(typeof input === 'string' ? input : JSON.stringify(input)),
    },
    {
      state: 'verified',
      caller,
      scope: { date: '', region, service: 'kms' },
    },
    'request-1',
  );
  return { status, ...(JSON.parse(body) as Record<string, unknown>) };
}

const error = (code: string, status = 400) =>
  expect.objectContaining({ __type: code, status }) as unknown;

describe('sandbox KMS', () => {
  const sealed = call('Encrypt', { KeyId: 'alias/other', Plaintext: 'c2VjcmV0' });

  it.each([
    keyId,
    `key/${keyId}`,
    other.arn,
    'alias/other',
    'arn:aws:kms:us-east-1:123456789012:alias/other',
  ])('finds a key by %s', (KeyId) => {
    const { CiphertextBlob } = sealed;
    expect(call('Decrypt', { CiphertextBlob, KeyId })).toMatchObject({
      status: 200,
      KeyId: other.arn,
      Plaintext: 'c2VjcmV0',
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    });
  });

  it('does not decrypt under another key than the one named, nor in another region', () => {
    const { CiphertextBlob } = sealed;
    expect(call('Decrypt', { CiphertextBlob, KeyId: seeded.kmsKeys[0]!.arn })).toEqual(
      error('IncorrectKeyException'),
    );
    expect(call('Decrypt', { CiphertextBlob }, 'eu-west-1')).toEqual(
      error('InvalidCiphertextException'),
    );
    expect(call('GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256' }, 'eu-west-1')).toEqual(
      error('NotFoundException'),
    );
  });

  it.each<[unknown, string, number?]>([
    [{}, 'ValidationException'],
    [{ KeyId: 7 }, 'SerializationException'],
    [{ KeyId: keyId, KeySpec: 'AES_512' }, 'ValidationException'],
    [{ KeyId: keyId, KeySpec: 'AES_256', NumberOfBytes: 1 }, 'ValidationException'],
    [{ KeyId: keyId, NumberOfBytes: 1.5 }, 'SerializationException'],
    [{ KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: [] }, 'SerializationException'],
    [{ KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: { a: 1 } }, 'SerializationException'],
    [{ KeyId: keyId, KeySpec: 'AES_256', DryRun: true }, 'DryRunOperationException', 412],
    [{ KeyId: keyId, KeySpec: 'AES_256', Recipient: {} }, 'UnsupportedOperationException'],
    ['{"KeyId":', 'SerializationException'],
    ['null', 'SerializationException'],
    ['[1]', 'SerializationException'],
    ['\u0000', 'SerializationException'],
  ])('refuses %j', (input, code, status) => {
    expect(call('GenerateDataKey', input)).toEqual(error(code, status));
  });

  it('is not confused by names every object has', () => {
    expect(call('constructor', {})).toEqual(error('UnknownOperationException'));
    expect(call('GenerateDataKey', '{"__proto__":{"KeyId":"x"}}')).toEqual(
      error('ValidationException'),
    );
  });
});
