import type { Instance } from '@aws-sdk/client-ec2';
import type { InstanceInformation } from '@aws-sdk/client-ssm';
import { createEc2Client, createSsmClient } from '../aws/clients.ts';
import type { ClientOptions } from '../aws/clients.ts';
import { serviceError } from '../aws/service-errors.ts';
import type { InventorySource } from './inventory.ts';

/** The inventory of one region as the two services give it, page by page. */
export function awsInventorySource(
  options: ClientOptions,
  profile: string | undefined,
): InventorySource {
  return {
    instances: () => instances(options, profile),
    managedNodes: () => managedNodes(options, profile),
  };
}

async function* instances(
  options: ClientOptions,
  profile: string | undefined,
): AsyncGenerator<Instance> {
  const { paginateDescribeInstances } = await import('@aws-sdk/client-ec2');
  const client = await createEc2Client(options);
  const states = ['pending', 'running', 'stopping', 'stopped'];
  try {
    const pages = paginateDescribeInstances(
      { client, pageSize: 1000 },
      { Filters: [{ Name: 'instance-state-name', Values: states }] },
    );
    for await (const page of pages) {
      for (const reservation of page.Reservations ?? []) yield* reservation.Instances ?? [];
    }
  } catch (error) {
    throw serviceError(error, { service: 'EC2', operation: 'DescribeInstances', profile });
  } finally {
    client.destroy();
  }
}

async function* managedNodes(
  options: ClientOptions,
  profile: string | undefined,
): AsyncGenerator<InstanceInformation> {
  const { paginateDescribeInstanceInformation } = await import('@aws-sdk/client-ssm');
  const client = await createSsmClient(options);
  try {
    const pages = paginateDescribeInstanceInformation({ client, pageSize: 50 }, {});
    for await (const page of pages) yield* page.InstanceInformationList ?? [];
  } catch (error) {
    const operation = 'DescribeInstanceInformation';
    throw serviceError(error, { service: 'SSM', operation, profile });
  } finally {
    client.destroy();
  }
}
