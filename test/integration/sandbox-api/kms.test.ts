import { DecryptCommand, GenerateDataKeyCommand } from '@aws-sdk/client-kms';
import { describe, expect, it } from 'vitest';
import { failure, start } from './clients.ts';

describe('sandbox KMS', () => {
  const EncryptionContext = { 'aws:ssm:SessionId': 'alice-1', 'aws:ssm:TargetId': 'i-1' };

  it('generates data keys that only their own context opens, also in process', async () => {
    const { sandbox, kms } = await start();
    const key = sandbox.account.kmsKeys[0]!;
    const generated = await kms().send(
      new GenerateDataKeyCommand({ KeyId: key.aliases[0], NumberOfBytes: 64, EncryptionContext }),
    );
    expect(generated).toMatchObject({ KeyId: key.arn });
    expect(generated.Plaintext).toHaveLength(64);
    const { CiphertextBlob } = generated;
    const opened = await kms().send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    expect(Buffer.from(opened.Plaintext!)).toEqual(Buffer.from(generated.Plaintext!));
    expect(await sandbox.kmsDecrypt(Buffer.from(CiphertextBlob!), EncryptionContext)).toEqual(
      Buffer.from(generated.Plaintext!),
    );
    await expect(
      kms().send(new DecryptCommand({ CiphertextBlob, EncryptionContext: { a: 'b' } })),
    ).rejects.toThrow(failure('InvalidCiphertextException', 400));
    await expect(sandbox.kmsDecrypt(Buffer.from(CiphertextBlob!), {})).rejects.toThrow();
  });

  it.each([
    [{ KeyId: 'alias/none', NumberOfBytes: 64 }, 'NotFoundException'],
    [{ KeyId: 'nonsense', NumberOfBytes: 64 }, 'NotFoundException'],
    [{ KeyId: 'alias/devaccess-sessions' }, 'ValidationException'],
    [{ KeyId: 'alias/devaccess-sessions', NumberOfBytes: 1025 }, 'ValidationException'],
  ])('refuses %j with %s', async (input, name) => {
    const { kms } = await start();
    await expect(kms().send(new GenerateDataKeyCommand(input))).rejects.toThrow(failure(name, 400));
  });
});
