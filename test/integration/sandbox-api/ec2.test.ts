import { DescribeInstancesCommand, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import { describe, expect, it } from 'vitest';
import { failure, start } from './clients.ts';

describe('sandbox EC2', () => {
  it('describes instances as EC2 does', async () => {
    const { sandbox, ec2, instance } = await start();
    const { Reservations } = await ec2().send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'tag:Name', Values: ['bastion'] }] }),
    );
    const bastion = instance('bastion');
    expect(Reservations).toHaveLength(1);
    expect(Reservations![0]).toMatchObject({
      OwnerId: sandbox.account.accountId,
      Instances: [
        {
          InstanceId: bastion.instanceId,
          State: { Code: 16, Name: 'running' },
          PrivateIpAddress: '10.0.0.10',
          PrivateDnsName: 'ip-10-0-0-10.ec2.internal',
          PublicIpAddress: '203.0.113.10',
          VpcId: bastion.vpcId,
          SubnetId: bastion.subnetId,
          Placement: { AvailabilityZone: 'us-east-1a' },
          PlatformDetails: 'Linux/UNIX',
          LaunchTime: new Date(bastion.launchTimeMs),
          IamInstanceProfile: { Arn: 'arn:aws:iam::123456789012:instance-profile/bastion' },
          Tags: [
            { Key: 'Name', Value: 'bastion' },
            { Key: 'Environment', Value: 'sandbox' },
          ],
        },
      ],
    });
    expect(Reservations![0]!.Instances![0]!.Platform).toBeUndefined();
  });

  it('gives everything once over pages of five, and nothing in another region', async () => {
    const { sandbox, ec2, longTerm } = await start();
    const pages: string[][] = [];
    for await (const page of paginateDescribeInstances({ client: ec2(), pageSize: 5 }, {})) {
      pages.push(
        page.Reservations!.flatMap(({ Instances }) => Instances!.map((i) => i.InstanceId!)),
      );
    }
    expect(pages.map(({ length }) => length)).toEqual([5, 4]);
    expect(pages.flat()).toEqual(sandbox.account.instances.map(({ instanceId }) => instanceId));
    const away = await ec2(longTerm, 'eu-west-1').send(new DescribeInstancesCommand({}));
    expect(away.Reservations).toEqual([]);
  });

  it('binds a page token to its query', async () => {
    const { ec2 } = await start();
    const first = await ec2().send(new DescribeInstancesCommand({ MaxResults: 5 }));
    const elsewhere = new DescribeInstancesCommand({
      NextToken: first.NextToken,
      Filters: [{ Name: 'instance-state-name', Values: ['running'] }],
    });
    await expect(ec2().send(elsewhere)).rejects.toThrow(
      failure('InvalidParameterValue', 400, /pagination token/),
    );
  });

  it.each([
    [{ MaxResults: 4 }, 'InvalidParameterValue', 400],
    [{ MaxResults: 1001 }, 'InvalidParameterValue', 400],
    [{ InstanceIds: ['i-00000000'] }, 'InvalidInstanceID.NotFound', 400],
    [{ InstanceIds: ['web'] }, 'InvalidInstanceID.Malformed', 400],
    [{ InstanceIds: ['i-00000000'], MaxResults: 5 }, 'InvalidParameterCombination', 400],
    [{ Filters: [{ Name: 'colour', Values: ['red'] }] }, 'InvalidParameterValue', 400],
    [{ DryRun: true }, 'DryRunOperation', 412],
  ])('refuses %j with %s', async (input, name, status) => {
    const { ec2 } = await start();
    await expect(ec2().send(new DescribeInstancesCommand(input))).rejects.toThrow(
      failure(name, status),
    );
  });
});
