import { createHash } from 'node:crypto';
import { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { QUIET_LOGGER } from '../aws/credential-chain.ts';
import { clientSettings } from '../aws/client-settings.ts';
import type { Credentials } from '../aws/client-settings.ts';
import { DevaccessError } from '../platform/errors.ts';
import type { DataKey } from './protocol/channel/channel-encryption.ts';

/** What a session of KMS's is encrypted with. @throws the SDK's errors; DevaccessError DA_SERVICE_ERROR */
export async function generateDataKey(
  { keyId, context }: { keyId: string; context: Record<string, string> },
  options: { credentials: Credentials; region: string; profile: string | undefined },
): Promise<DataKey> {
  const settings = await clientSettings('kms', { ...options, idleMs: 20_000 });
  const kms = new KMSClient({ ...settings, logger: QUIET_LOGGER });
  try {
    const answer = await kms.send(
      new GenerateDataKeyCommand({ KeyId: keyId, NumberOfBytes: 64, EncryptionContext: context }),
    );
    if (answer.Plaintext === undefined || answer.CiphertextBlob === undefined) {
      throw new DevaccessError('DA_SERVICE_ERROR', 'KMS GenerateDataKey answered without a key.');
    }
    const plaintext = Buffer.from(answer.Plaintext);
    answer.Plaintext.fill(0);
    const ciphertextBlob = Buffer.from(answer.CiphertextBlob);
    const ciphertextHash = createHash('sha256').update(ciphertextBlob).digest();
    return { plaintext, ciphertextBlob, ciphertextHash };
  } finally {
    kms.destroy();
  }
}
