import type { STSClient } from '@aws-sdk/client-sts';
import { clientSettings, withHostInErrors } from './client-settings.ts';
import type { ClientOptions } from './client-settings.ts';

/** A client of the Security Token Service. @throws DevaccessError DA_ENDPOINT */
export async function createStsClient(options: ClientOptions): Promise<STSClient> {
  const { STSClient } = await import('@aws-sdk/client-sts');
  return withHostInErrors(new STSClient(await clientSettings('sts', options)));
}
