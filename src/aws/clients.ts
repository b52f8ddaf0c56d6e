/**
 * Construction of the AWS clients the commands use. Each SDK is loaded when it is first needed:
 * EC2's alone costs more than everything `devaccess mfa` does.
 */
import type { EC2Client } from '@aws-sdk/client-ec2';
import { clientSettings, withHostInErrors } from './client-settings.ts';
import type { ClientOptions } from './client-settings.ts';

export { createSsmClient } from './ssm-client.ts';

export async function createEc2Client(options: ClientOptions): Promise<EC2Client> {
  const { EC2Client } = await import('@aws-sdk/client-ec2');
  return withHostInErrors(new EC2Client(await clientSettings('ec2', options)));
}
