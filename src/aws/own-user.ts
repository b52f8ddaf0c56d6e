import type { ClientOptions } from './client-settings.ts';
import { clientSettings, withHostInErrors } from './client-settings.ts';
import { serviceError } from './service-errors.ts';

/** An access key of a user, as IAM lists it. */
export interface ListedKey {
  accessKeyId: string;
  isActive: boolean;
  /** Milliseconds since the epoch; undefined where IAM does not say. */
  createdMs: number | undefined;
}

/**
 * Serial numbers of the MFA devices of a user.
 *
 * @throws DevaccessError those of `serviceError`; often DA_ACCESS_DENIED
 */
export async function listMfaDevices(options: ClientOptions, userName: string): Promise<string[]> {
  const { IAMClient, ListMFADevicesCommand } = await import('./iam-commands.ts');
  const client = withHostInErrors(new IAMClient(await clientSettings('iam', options)));
  try {
    const answer = await client.send(new ListMFADevicesCommand({ UserName: userName }));
    return (answer.MFADevices ?? []).flatMap(({ SerialNumber }) => SerialNumber ?? []);
  } catch (error) {
    throw serviceError(error, {
      service: 'IAM',
      operation: 'ListMFADevices',
      profile: options.profile,
    });
  } finally {
    client.destroy();
  }
}

/**
 * The access keys of a user.
 *
 * @throws DevaccessError those of `serviceError`; often DA_ACCESS_DENIED
 */
export async function listAccessKeys(
  options: ClientOptions,
  userName: string,
): Promise<ListedKey[]> {
  const { IAMClient, ListAccessKeysCommand } = await import('./iam-commands.ts');
  const client = withHostInErrors(new IAMClient(await clientSettings('iam', options)));
  try {
    const answer = await client.send(new ListAccessKeysCommand({ UserName: userName }));
    return (answer.AccessKeyMetadata ?? []).flatMap(({ AccessKeyId, Status, CreateDate }) =>
      AccessKeyId === undefined
        ? []
        : [
            {
              accessKeyId: AccessKeyId,
              isActive: Status !== 'Inactive',
              createdMs: CreateDate?.getTime(),
            },
          ],
    );
  } catch (error) {
    throw serviceError(error, {
      service: 'IAM',
      operation: 'ListAccessKeys',
      profile: options.profile,
    });
  } finally {
    client.destroy();
  }
}
