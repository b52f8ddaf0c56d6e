import type { SSMClient } from '@aws-sdk/client-ssm';
import { clientSettings, withHostInErrors } from './client-settings.ts';
import type { ClientOptions } from './client-settings.ts';

export async function createSsmClient(options: ClientOptions): Promise<SSMClient> {
  const { SSMClient } = await import('./ssm-client-class.ts');
  return withHostInErrors(new SSMClient(await clientSettings('ssm', options)));
}
