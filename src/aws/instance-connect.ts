import type {
  EC2InstanceConnectClient,
  SendSSHPublicKeyCommand,
} from '@aws-sdk/client-ec2-instance-connect';
import { clientSettings, withHostInErrors } from './client-settings.ts';
import type { ClientOptions } from './client-settings.ts';

/** A client of EC2 Instance Connect, with the one command of it that there is to send. */
export async function createInstanceConnectClient(options: ClientOptions): Promise<{
  client: EC2InstanceConnectClient;
  SendSSHPublicKeyCommand: typeof SendSSHPublicKeyCommand;
}> {
  const sdk = await import('./instance-connect-commands.ts');
  const settings = await clientSettings('ec2_instance_connect', options);
  const client = withHostInErrors(new sdk.EC2InstanceConnectClient(settings));
  return { client, SendSSHPublicKeyCommand: sdk.SendSSHPublicKeyCommand };
}
