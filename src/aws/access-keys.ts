/** What rotating the access keys of a user asks of IAM. */
import type { ClientOptions } from './client-settings.ts';
import { iamCall } from './iam-calls.ts';
import type { ListedKey } from './own-user.ts';
import { strangeAnswer } from './service-errors.ts';

/** An access key that was just made: IAM tells its secret this once. */
export interface NewKey {
  accessKeyId: string;
  secretAccessKey: string;
  createdMs: number | undefined;
  /** It was asked for more than once: an answer that was lost may have been another key. */
  isRepeated: boolean;
}

/** When a key was last used; undefined where IAM knows of no use. */
export interface KeyUse {
  atMs: number;
  service: string;
  region: string;
}

const ROTATING = { feature: 'rotate-keys' } as const;

/** @throws DevaccessError DA_IAM_LIMIT for a third one, and those of `iamError` */
export function createAccessKey(options: ClientOptions, userName: string): Promise<NewKey> {
  const operation = 'CreateAccessKey';
  return iamCall(options, { operation, ...ROTATING }, async (client) => {
    const { CreateAccessKeyCommand } = await import('./iam-commands.ts');
    const { AccessKey: key, $metadata } = await client.send(
      new CreateAccessKeyCommand({ UserName: userName }),
    );
    const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = key ?? {};
    if (!/^\w{16,128}$/.test(accessKeyId) || !/^[\x21-\x7e]{16,128}$/.test(secretAccessKey)) {
      throw strangeAnswer({ service: 'IAM', operation }, undefined);
    }
    const createdMs = key?.CreateDate?.getTime();
    return { accessKeyId, secretAccessKey, createdMs, isRepeated: ($metadata.attempts ?? 1) > 1 };
  });
}

/** @throws DevaccessError DA_IAM_NOT_FOUND and those of `iamError` */
export function setKeyActive(
  options: ClientOptions,
  { userName, accessKeyId }: { userName: string; accessKeyId: string },
  isActive: boolean,
): Promise<void> {
  return iamCall(options, { operation: 'UpdateAccessKey', ...ROTATING }, async (client) => {
    const { UpdateAccessKeyCommand } = await import('./iam-commands.ts');
    // With temporary credentials AWS takes the user's name from nowhere else.
    await client.send(
      new UpdateAccessKeyCommand({
        UserName: userName,
        AccessKeyId: accessKeyId,
        Status: isActive ? 'Active' : 'Inactive',
      }),
    );
  });
}

/** @throws DevaccessError DA_IAM_NOT_FOUND and those of `iamError` */
export function deleteAccessKey(
  options: ClientOptions,
  { userName, accessKeyId }: { userName: string; accessKeyId: string },
): Promise<void> {
  return iamCall(options, { operation: 'DeleteAccessKey', ...ROTATING }, async (client) => {
    const { DeleteAccessKeyCommand } = await import('./iam-commands.ts');
    await client.send(new DeleteAccessKeyCommand({ UserName: userName, AccessKeyId: accessKeyId }));
  });
}

/** @throws DevaccessError those of `iamError` */
export function keyLastUsed(
  options: ClientOptions,
  accessKeyId: string,
): Promise<KeyUse | undefined> {
  return iamCall(options, { operation: 'GetAccessKeyLastUsed', ...ROTATING }, async (client) => {
    const { GetAccessKeyLastUsedCommand } = await import('./iam-commands.ts');
    const { AccessKeyLastUsed: use } = await client.send(
      new GetAccessKeyLastUsedCommand({ AccessKeyId: accessKeyId }),
    );
    const at = use?.LastUsedDate;
    if (at === undefined) return undefined;
    return { atMs: at.getTime(), service: use?.ServiceName ?? '', region: use?.Region ?? '' };
  });
}

/** A key may be told to have been made a little before it was asked for: clocks differ. */
const CLOCK_MS = 5 * 60_000;

/** Whether a key may be one whose secret was lost on the way here: it came since then, and was never used. */
export async function isLostKey(
  { accessKeyId, createdMs = Infinity }: ListedKey,
  sinceMs: number,
  lastUsed: (accessKeyId: string) => Promise<KeyUse | undefined>,
): Promise<boolean> {
  return createdMs >= sinceMs - CLOCK_MS && (await lastUsed(accessKeyId)) === undefined;
}
