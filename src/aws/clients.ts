/**
 * Construction of the AWS clients the commands use. Each SDK is loaded when it is first needed:
 * EC2's alone costs more than everything `devaccess mfa` does.
 */
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { apiAgents } from './api-agents.ts';
import { clientSettings, withHostInErrors } from './client-settings.ts';
import type { ClientOptions, Credentials } from './client-settings.ts';
import { Connections } from './connections.ts';

export async function createEc2Client(options: ClientOptions): Promise<EC2Client> {
  const { EC2Client } = await import('@aws-sdk/client-ec2');
  return withHostInErrors(new EC2Client(await clientSettings('ec2', options)));
}

export async function createSsmClient(options: ClientOptions): Promise<SSMClient> {
  const { SSMClient } = await import('@aws-sdk/client-ssm');
  return withHostInErrors(new SSMClient(await clientSettings('ssm', options)));
}

/**
 * The SDK's usual credential chain. With a profile it looks there first and skips the
 * environment's keys; without one the environment comes first.
 */
export async function profileCredentials(profile: string | undefined): Promise<Credentials> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return defaultProvider({
    ...(profile === undefined ? {} : { profile }),
    clientConfig: { requestHandler: apiAgents(new Connections(process.env)) },
  });
}
