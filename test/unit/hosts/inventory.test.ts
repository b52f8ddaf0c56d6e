import { describe, expect, it } from 'vitest';
import type { Instance } from '@aws-sdk/client-ec2';
import type { InstanceInformation } from '@aws-sdk/client-ssm';
import { agentFacts, ec2Node, merge, readInventory } from '../../../src/hosts/inventory.ts';
import type { InventorySource } from '../../../src/hosts/inventory.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';
import { id, node } from './nodes.ts';

const merged = (instances: Instance[] | undefined, managed: InstanceInformation[]) =>
  merge(
    instances
      ?.map((instance) => ec2Node(instance, () => true))
      .filter((each) => each !== undefined),
    managed.map(agentFacts).filter((each) => each !== undefined),
  );

describe('merging EC2 and SSM', () => {
  it('takes names and addresses from EC2, status and platform from SSM', () => {
    const { nodes } = merged(
      [
        {
          InstanceId: id('1'),
          Tags: [{ Key: 'Name', Value: 'web' }],
          State: { Name: 'running' },
          VpcId: 'vpc-1',
          PrivateIpAddress: '10.0.0.1',
          PlatformDetails: 'Linux/UNIX',
        },
      ],
      [{ InstanceId: id('1'), PingStatus: 'Online', PlatformName: 'Ubuntu', ComputerName: 'x.y' }],
    );
    expect(nodes).toEqual([
      node('1', {
        name: 'web',
        tags: new Map([['Name', 'web']]),
        platformName: 'Ubuntu',
        pingStatus: 'Online',
      }),
    ]);
  });

  it('leaves out what is gone, says what EC2 hides, keeps hybrid nodes', () => {
    const hybrid = `mi-${'a'.repeat(17)}`;
    const { nodes, notices } = merged(
      [{ InstanceId: id('1'), State: { Name: 'terminated' } }, { InstanceId: 'i-x; rm' }],
      [
        { InstanceId: id('1'), PingStatus: 'Inactive' },
        { InstanceId: hybrid, ComputerName: 'nas.home.lan', PingStatus: 'Online' },
        { InstanceId: `${hybrid} -o x` },
      ],
    );
    expect(nodes.map(({ instanceId, name, isHybrid }) => [instanceId, name, isHybrid])).toEqual([
      [hybrid, 'nas', true],
    ]);
    expect(notices).toEqual([expect.stringContaining(id('1')) as string]);
  });

  it('takes an empty name for none', () => {
    const hybrid = `mi-${'a'.repeat(17)}`;
    const { nodes } = merged(
      [{ InstanceId: id('1'), Tags: [{ Key: 'Name', Value: '' }] }],
      [{ InstanceId: hybrid, Name: '', ComputerName: 'nas.home.lan' }],
    );
    expect(nodes.map(({ name }) => name)).toEqual([undefined, 'nas']);
  });

  it('takes IPv6 where there is no IPv4, and no address that is none', () => {
    const { nodes } = merged(
      [
        {
          InstanceId: id('1'),
          NetworkInterfaces: [{ Ipv6Addresses: [{ Ipv6Address: 'fd00::1' }] }],
        },
        { InstanceId: id('2'), PrivateIpAddress: '10.0.0.1\nProxyCommand x' },
      ],
      [],
    );
    expect(nodes.map(({ privateAddress }) => privateAddress)).toEqual(['fd00::1', undefined]);
  });

  const denied = new DevaccessError('DA_ACCESS_DENIED', 'no');
  const source = (ec2: unknown, ssm: unknown): InventorySource => ({
    // eslint-disable-next-line @typescript-eslint/require-await
    async *instances() {
      if (ec2 instanceof Error) throw ec2;
      yield { InstanceId: id('1') };
    },
    // eslint-disable-next-line @typescript-eslint/require-await
    async *managedNodes() {
      if (ssm instanceof Error) throw ssm;
      yield { InstanceId: id('2'), PingStatus: 'Online' };
    },
  });

  it('goes on with one of the two, says so, and fails with neither', async () => {
    const onlySsm = await readInventory(source(denied, 'ok'));
    expect(onlySsm).toMatchObject({ knowsPingStatus: true, nodes: [{ instanceId: id('2') }] });
    expect(onlySsm.notices).toEqual([expect.stringContaining('EC2 could not be read') as string]);
    const onlyEc2 = await readInventory(source('ok', denied));
    expect(onlyEc2).toMatchObject({ knowsPingStatus: false, nodes: [{ instanceId: id('1') }] });
    await expect(readInventory(source(denied, denied))).rejects.toBe(denied);
    const down = new DevaccessError('DA_ENDPOINT_UNREACHABLE', 'down');
    await expect(readInventory(source(down, 'ok'))).rejects.toBe(down);
  });
});

it.each([
  ['10.0.0.1', '10.0.0.1'],
  ['fd00::1', 'fd00::1'],
  ['fe80::1%eth0', undefined],
  ['10.0.0.1 -oProxyCommand=id', undefined],
])('takes %j for the address %j', (PrivateIpAddress, address) => {
  const { nodes } = merged([{ InstanceId: id('1'), PrivateIpAddress }], []);
  expect(nodes[0]!.privateAddress).toBe(address);
});

describe('hybrid nodes', () => {
  const hybrid = `mi-${'a'.repeat(17)}`;
  const list = async function* <T>(...items: T[]): AsyncGenerator<T> {
    await Promise.resolve();
    yield* items;
  };
  const source = (
    managed: InstanceInformation[],
    hybridTags: NonNullable<InventorySource['hybridTags']>,
  ): InventorySource => ({
    instances: () => list(),
    managedNodes: () => list(...managed),
    hybridTags,
  });

  it('are things of AWS IoT, too, by the name of the thing', () => {
    const thing = {
      InstanceId: hybrid,
      SourceType: 'AWS::IoT::Thing',
      SourceId: 'pump-7',
    } as const;
    const { nodes, notices } = merged(
      [],
      [thing, { InstanceId: id('1'), SourceType: 'AWS::IoT::Thing', ComputerName: 'gate.lan' }],
    );
    expect(nodes.map(({ instanceId, name, isHybrid }) => [instanceId, name, isHybrid])).toEqual([
      [id('1'), 'gate', true],
      [hybrid, 'pump-7', true],
    ]);
    expect(notices).toEqual([]);
  });

  it('are asked for their tags, one by one; of these some are kept', async () => {
    const asked: string[] = [];
    const tags = new Map([
      ['Name', 'nas'],
      ['ssh-user', 'admin'],
      ['cost', '7'],
    ]);
    const { nodes } = await readInventory(
      source([{ InstanceId: hybrid, PingStatus: 'Online' }], (one) => {
        asked.push(one);
        return Promise.resolve(tags);
      }),
      { wantsTag: (key) => key === 'ssh-user' },
    );
    expect(asked).toEqual([hybrid]);
    expect(nodes[0]!.tags).toEqual(
      new Map([
        ['Name', 'nas'],
        ['ssh-user', 'admin'],
      ]),
    );
  });

  it('do without tags where the person may not read them, who is asked once', async () => {
    const asked: string[] = [];
    const many = Array.from({ length: 9 }, (_, at) => ({
      InstanceId: `mi-${String(at).repeat(17)}`,
    }));
    const denied = source(many, (one) => {
      asked.push(one);
      return Promise.reject(new DevaccessError('DA_ACCESS_DENIED', 'no tags for you'));
    });
    const { nodes, notices } = await readInventory(denied);
    expect(nodes).toHaveLength(9);
    expect(notices).toEqual(['Tags of hybrid nodes could not be read: no tags for you']);
    expect(asked.length).toBeLessThanOrEqual(4);
    const down = source(many, () => Promise.reject(new DevaccessError('DA_THROTTLED', 'slow')));
    await expect(readInventory(down)).rejects.toMatchObject({ code: 'DA_THROTTLED' });
  });

  it('keeps what was wanted of the tags of instances, and counts what came', async () => {
    const counts: number[] = [];
    const { nodes } = await readInventory(
      {
        instances: () =>
          list({
            InstanceId: id('1'),
            Tags: [
              { Key: 'Name', Value: 'a' },
              { Key: 'x', Value: 'y' },
            ],
          }),
        managedNodes: () => list({ InstanceId: id('1') }),
      },
      {
        wantsTag: () => false,
        onProgress: (count) => counts.push(count.instances + count.managedNodes),
      },
    );
    expect([nodes[0]!.name, nodes[0]!.tags.size]).toEqual(['a', 0]);
    expect(counts).toEqual([1, 2]);
  });
});
