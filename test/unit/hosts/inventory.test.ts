import { describe, expect, it } from 'vitest';
import { chooseBastion } from '../../../src/hosts/bastion.ts';
import type { InventoryNode } from '../../../src/hosts/host.ts';
import { checkUser, hostPort, hostUser } from '../../../src/hosts/host-user.ts';
import { merge, readInventory } from '../../../src/hosts/inventory.ts';
import type { InventorySource } from '../../../src/hosts/inventory.ts';
import { planHosts } from '../../../src/hosts/plan.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';

const id = (digit: string): string => `i-${digit.repeat(17)}`;
const failure = (code: string): Error => expect.objectContaining({ code }) as Error;

function node(digit: string, changes: Partial<InventoryNode> = {}): InventoryNode {
  return {
    instanceId: id(digit),
    name: `server-${digit}`,
    tags: new Map(),
    state: 'running',
    vpcId: 'vpc-1',
    privateAddress: `10.0.0.${Number.parseInt(digit, 16)}`,
    platformName: undefined,
    isWindows: false,
    pingStatus: undefined,
    isHybrid: false,
    ...changes,
  };
}

describe('merging EC2 and SSM', () => {
  it('takes names and addresses from EC2, status and platform from SSM', () => {
    const { nodes } = merge(
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
    const { nodes, notices } = merge(
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
    const { nodes } = merge(
      [{ InstanceId: id('1'), Tags: [{ Key: 'Name', Value: '' }] }],
      [{ InstanceId: hybrid, Name: '', ComputerName: 'nas.home.lan' }],
    );
    expect(nodes.map(({ name }) => name)).toEqual([undefined, 'nas']);
  });

  it('takes IPv6 where there is no IPv4, and no address that is none', () => {
    const { nodes } = merge(
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

describe('choosing the bastion', () => {
  const online = { pingStatus: 'Online' };
  const choose = (nodes: InventoryNode[], selector?: string, knowsPingStatus = true): string =>
    chooseBastion({ nodes, notices: [], knowsPingStatus, knowsInstances: true }, selector)
      .instanceId;

  it('finds the only online one by name, else the only online one', () => {
    expect(choose([node('1', online), node('2', { ...online, name: 'Prod-Jump' })])).toBe(id('2'));
    expect(choose([node('1', online), node('2', { name: 'bastion' })])).toBe(id('1'));
  });

  it('refuses to guess among several, and lists them', () => {
    expect(() => choose([node('1', online), node('2', online)])).toThrow(
      `server-1 (${id('1')}), server-2 (${id('2')})`,
    );
    const two = [node('1', { ...online, name: 'bastion' }), node('2', { ...online, name: 'jump' })];
    expect(() => choose(two)).toThrow(failure('DA_BASTION_AMBIGUOUS'));
    expect(() => choose([node('1')])).toThrow(failure('DA_BASTION_NOT_FOUND'));
    const lost = node('1', { name: 'bastion', pingStatus: 'ConnectionLost' });
    expect(() => choose([lost])).toThrow(failure('DA_BASTION_OFFLINE'));
  });

  it('takes a selector literally, values with = included', () => {
    const tagged = node('1', { ...online, tags: new Map([['role', 'a=b']]) });
    expect(choose([tagged, node('2', online)], 'tag:role=a=b')).toBe(id('1'));
    expect(choose([tagged, node('2', online)], id('2'))).toBe(id('2'));
    expect(() => choose([tagged], id('3'))).toThrow(failure('DA_BASTION_NOT_FOUND'));
    expect(() => choose([tagged], 'server-1')).toThrow(failure('DA_USAGE'));
    expect(() => choose([node('2')], id('2'))).toThrow(failure('DA_BASTION_OFFLINE'));
    expect(choose([node('2')], id('2'), false)).toBe(id('2'));
  });

  it('prefers an online one where a tag is on several', () => {
    const tags = new Map([['Name', 'bastion']]);
    expect(choose([node('1', { tags }), node('2', { ...online, tags })], 'tag:Name=bastion')).toBe(
      id('2'),
    );
  });
});

it.each([
  ['10.0.0.1', '10.0.0.1'],
  ['fd00::1', 'fd00::1'],
  ['fe80::1%eth0', undefined],
  ['10.0.0.1 -oProxyCommand=id', undefined],
])('takes %j for the address %j', (PrivateIpAddress, address) => {
  const { nodes } = merge([{ InstanceId: id('1'), PrivateIpAddress }], []);
  expect(nodes[0]!.privateAddress).toBe(address);
});

describe('planning the entries', () => {
  const bastion = node('b', { name: 'bastion', pingStatus: 'Online' });
  const plan = (...nodes: InventoryNode[]) =>
    planHosts([bastion, ...nodes], bastion, {
      route: 'jump',
      user: undefined,
      reserved: new Set(),
    });

  it('jumps within the network and goes direct elsewhere', () => {
    const { entries } = plan(
      node('1'),
      node('2', { pingStatus: 'Online' }),
      node('3', { pingStatus: 'Online', vpcId: 'vpc-2' }),
      node('4', { pingStatus: 'ConnectionLost' }),
      node('5', { pingStatus: 'Online', privateAddress: undefined }),
    );
    expect(entries.map(({ route, hostName }) => [route, hostName])).toEqual([
      ['direct', bastion.instanceId],
      ['jump', '10.0.0.1'],
      ['jump', '10.0.0.2'],
      ['direct', id('3')],
      ['jump', '10.0.0.4'],
      ['direct', id('5')],
    ]);
  });

  it.each<[string, Partial<InventoryNode>]>([
    ['Windows: reach it by RDP', { isWindows: true }],
    ['stopped', { state: 'stopped' }],
    [
      'not online in Systems Manager (ConnectionLost)',
      { vpcId: 'vpc-2', pingStatus: 'ConnectionLost' },
    ],
    ["not in Systems Manager and not in the bastion's network", { vpcId: 'vpc-2' }],
    ['no private address', { privateAddress: undefined }],
  ])('skips: %s', (reason, changes) => {
    const { entries, skipped } = plan(node('1', changes));
    expect(entries).toHaveLength(1);
    expect(skipped).toEqual([{ instanceId: id('1'), name: 'server-1', reason }]);
  });
});

describe('user and port', () => {
  it.each([
    ['Amazon Linux', 'ec2-user'],
    ['Amazon Linux 2', 'ec2-user'],
    ['Ubuntu', 'ubuntu'],
    ['Debian GNU/Linux', 'admin'],
    ['CentOS Linux', 'centos'],
    ['Rocky Linux', 'rocky'],
    ['AlmaLinux', 'ec2-user'],
    ['Red Hat Enterprise Linux', 'ec2-user'],
    ['SLES', 'ec2-user'],
    ['Fedora Linux', 'fedora'],
    ['Bottlerocket', 'ec2-user'],
    ['macOS', 'ec2-user'],
    ['Linux/UNIX', undefined],
    [undefined, undefined],
  ])('on %s it is %s', (platformName, user) => {
    expect(hostUser(node('1', { platformName }), undefined)).toBe(user);
    expect(hostUser(node('1', { platformName, isHybrid: true }), undefined)).toBeUndefined();
  });

  it('prefers the flag, then a well-formed tag', () => {
    const tagged = (user: string): InventoryNode =>
      node('1', { platformName: 'Ubuntu', tags: new Map([['ssh-user', user]]) });
    expect(hostUser(tagged('deploy'), 'me')).toBe('me');
    expect(hostUser(tagged('deploy'), undefined)).toBe('deploy');
    expect(hostUser(tagged('x\n  ProxyCommand y'), undefined)).toBe('ubuntu');
    expect(() => checkUser('-oProxyCommand=x')).toThrow(failure('DA_USAGE'));
  });

  it.each([
    ['2222', 2222],
    ['0', 22],
    ['65536', 22],
    ['22 ', 22],
    ['1e3', 22],
  ])('takes port tag %j as %d', (tag, port) => {
    expect(hostPort(node('1', { tags: new Map([['ssh-port', tag]]) }))).toBe(port);
  });
});
