import { describe, expect, it } from 'vitest';
import { namedBastions } from '../../../src/hosts/bastion.ts';
import { fleetOptions } from '../../../src/hosts/fleet.ts';
import type { FleetWishes } from '../../../src/hosts/fleet.ts';
import type { InventoryNode } from '../../../src/hosts/host.ts';
import { planRegion } from '../../../src/hosts/plan.ts';
import type { RegionPlan } from '../../../src/hosts/plan.ts';
import { id, inventory, node, ONLINE } from './nodes.ts';

const failure = (code: string): Error => expect.objectContaining({ code }) as Error;

function plan(
  nodes: InventoryNode[],
  wishes: FleetWishes = {},
  knowsPingStatus = true,
): RegionPlan {
  const all = inventory(nodes, knowsPingStatus);
  const { bastion } = wishes;
  const named =
    bastion === undefined || bastion === 'none' ? undefined : namedBastions(all, bastion);
  return planRegion(all, named, fleetOptions(wishes));
}

/** The way to each, by digit of the id: `direct`, or route and digit of the bastion. */
function ways(
  nodes: InventoryNode[],
  wishes: FleetWishes = {},
  knowsPingStatus = true,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { node: reached, behind } of plan(nodes, wishes, knowsPingStatus).reached) {
    found[reached.instanceId.at(-1)!] =
      behind === undefined ? 'direct' : `${behind.route} ${behind.bastion.instanceId.at(-1)!}`;
  }
  return found;
}

const bastion = node('b', { name: 'bastion', ...ONLINE });

describe('the way to a server', () => {
  const elsewhere = { vpcId: 'vpc-2' };
  const nodes = [
    bastion,
    node('1'),
    node('2', ONLINE),
    node('3', { ...ONLINE, ...elsewhere }),
    node('4', { pingStatus: 'ConnectionLost' }),
    node('5', { ...ONLINE, privateAddress: undefined }),
  ];

  it('is its own agent where that is online, else the bastion of its network', () => {
    const expected = {
      b: 'direct',
      1: 'jump b',
      2: 'direct',
      3: 'direct',
      4: 'jump b',
      5: 'direct',
    };
    expect(ways(nodes)).toEqual(expected);
    expect(ways(nodes, { bastion: id('b') })).toEqual(expected);
  });

  it.each(['jump', 'remote-host'] as const)(
    'is the bastion for its whole network by %s',
    (route) => {
      const way = `${route} b`;
      const expected = { b: 'direct', 1: way, 2: way, 3: 'direct', 4: way, 5: 'direct' };
      expect(ways(nodes, { route })).toEqual(expected);
    },
  );

  it.each([{ route: 'direct' }, { bastion: 'none' }] as const)(
    'is the own agent alone with %o',
    (wishes) => {
      expect(ways(nodes, wishes)).toEqual({ b: 'direct', 2: 'direct', 3: 'direct', 5: 'direct' });
      expect(plan(nodes, wishes).skipped.map(({ reason }) => reason)).toEqual([
        'not in Systems Manager',
        'not online in Systems Manager (ConnectionLost)',
      ]);
    },
  );

  it('needs no bastion where every server is in Systems Manager', () => {
    const all = [node('1', ONLINE), node('2', ONLINE), node('3', ONLINE)];
    expect(ways(all)).toEqual({ 1: 'direct', 2: 'direct', 3: 'direct' });
    expect(plan(all).notices).toEqual([]);
  });

  it('is a bastion of its own in each network', () => {
    const other = node('c', { name: 'jump', ...ONLINE, ...elsewhere });
    const two = [bastion, other, node('1'), node('2', elsewhere), node('3', { vpcId: 'vpc-3' })];
    const expected = { b: 'direct', c: 'direct', 1: 'jump b', 2: 'jump c' };
    expect(ways(two)).toEqual(expected);
    const tagged = two.map((each) =>
      ['b', 'c'].includes(each.instanceId.at(-1)!)
        ? { ...each, tags: new Map([['x', 'y']]) }
        : each,
    );
    expect(ways(tagged, { bastion: 'tag:x=y' })).toEqual(expected);
  });

  it('is there for what is not known to be online, if asked for', () => {
    const unknown = [node('1'), node('2', { pingStatus: 'ConnectionLost' }), node('3', ONLINE)];
    expect(ways(unknown, { bastion: 'none', all: true })).toEqual({
      1: 'direct',
      2: 'direct',
      3: 'direct',
    });
    const withoutSsm = plan([node('1')], { bastion: 'none' }, false);
    expect(withoutSsm.skipped[0]!.reason).toContain('--all');
    expect(ways([node('1')], { bastion: 'none', all: true }, false)).toEqual({ 1: 'direct' });
  });
});

describe('finding the bastion', () => {
  it('takes one named so, else the only one online in the network', () => {
    const named = node('2', { ...ONLINE, name: 'Prod-Jump' });
    expect(ways([node('1', ONLINE), named, node('3')])['3']).toBe('jump 2');
    expect(ways([node('1', ONLINE), node('2', { name: 'bastion' }), node('3')])['3']).toBe(
      'jump 1',
    );
  });

  it('chooses none of several, and says which they are', () => {
    const { reached, skipped, notices } = plan([node('1', ONLINE), node('2', ONLINE), node('3')]);
    expect(reached).toHaveLength(2);
    expect(skipped[0]!.reason).toBe('not in Systems Manager, and no bastion is in its network');
    expect(notices).toEqual([
      expect.stringContaining(`server-1 (${id('1')}), server-2 (${id('2')})`) as string,
    ]);
  });

  it('keeps entries through one that is offline for the moment', () => {
    const lost = { ...bastion, pingStatus: 'ConnectionLost' };
    const nodes = [lost, node('1'), node('2', { ...ONLINE, vpcId: 'vpc-2' })];
    expect(ways(nodes)).toEqual({ b: 'direct', 1: 'jump b', 2: 'direct' });
    expect(plan(nodes).notices).toEqual([expect.stringContaining('is not online now') as string]);
  });

  it('is missed where servers are there and none can be reached', () => {
    expect(plan([node('1'), node('2')]).noBastion).toEqual(failure('DA_BASTION_NOT_FOUND'));
    expect(plan([node('1')], {}, false).noBastion).toMatchObject({
      code: 'DA_ACCESS_DENIED',
      next: expect.stringContaining('--all') as string,
    });
    expect(plan([])).toMatchObject({ reached: [], noBastion: undefined });
  });

  it('takes one named like a bastion where SSM cannot be asked', () => {
    expect(ways([node('1', { name: 'bastion' }), node('2')], {}, false)).toEqual({
      1: 'direct',
      2: 'jump 1',
    });
  });
});

describe('a bastion that was named', () => {
  const named = (nodes: InventoryNode[], selector: string, knows = true) =>
    namedBastions(inventory(nodes, knows), selector)?.nodes.map(({ instanceId }) => instanceId);

  it('is taken literally, values with = included', () => {
    const tagged = node('1', { ...ONLINE, tags: new Map([['role', 'a=b']]) });
    const nodes = [tagged, node('2', ONLINE)];
    expect(named(nodes, 'tag:role=a=b')).toEqual([id('1')]);
    expect(named(nodes, id('2'))).toEqual([id('2')]);
    expect(named(nodes, 'tag:Name=server-2')).toEqual([id('2')]);
    expect(named(nodes, id('3'))).toBeUndefined();
    expect(named([node('2')], id('2'), false)).toEqual([id('2')]);
    expect(() => named(nodes, 'server-1')).toThrow(failure('DA_USAGE'));
    expect(() => named([node('2')], id('2'))).toThrow(failure('DA_BASTION_OFFLINE'));
  });

  it('is the one online where a tag is on several', () => {
    const tags = new Map([['Name', 'bastion']]);
    const asleep = node('1', { tags });
    expect(named([asleep, node('2', { ...ONLINE, tags })], 'tag:Name=bastion')).toEqual([id('2')]);
    const both = [node('1', { ...ONLINE, tags }), node('2', { ...ONLINE, tags })];
    expect(() => named(both, 'tag:Name=bastion')).toThrow(failure('DA_BASTION_AMBIGUOUS'));
    expect(() => named([asleep, node('2', { tags })], 'tag:Name=bastion')).toThrow(
      failure('DA_BASTION_AMBIGUOUS'),
    );
  });
});

describe('who gets no entry', () => {
  const skipped = (changes: Partial<InventoryNode>, wishes: FleetWishes = {}) =>
    plan([bastion, node('1', changes)], wishes).skipped.map(({ reason }) => reason);

  it.each<[string, Partial<InventoryNode>]>([
    [
      `Windows: reach it by RDP, devaccess forward ${id('b')} 13389:3389 --host 10.0.0.1`,
      { isWindows: true },
    ],
    [
      `Windows: reach it by RDP, devaccess forward ${id('1')} 13389:3389`,
      { isWindows: true, ...ONLINE },
    ],
    ['Windows: reach it by RDP (stopped)', { isWindows: true, state: 'stopped' }],
    ['stopped', { state: 'stopped' }],
    ['pending', { state: 'pending' }],
    [
      'not online in Systems Manager (ConnectionLost)',
      { vpcId: 'vpc-2', pingStatus: 'ConnectionLost' },
    ],
    ["not in Systems Manager and not in the bastion's network", { vpcId: 'vpc-2' }],
    ['no private address', { privateAddress: undefined }],
  ])('says why: %s', (reason, changes) => {
    expect(skipped(changes, { bastion: id('b') })).toEqual([reason]);
  });

  it('is told as absent where it may come back', () => {
    const nodes = [
      bastion,
      node('1', { state: 'stopped' }),
      node('2', { vpcId: 'vpc-2', pingStatus: 'ConnectionLost' }),
      node('3', { vpcId: 'vpc-2' }),
      node('4', { isWindows: true }),
    ];
    expect(plan(nodes).absent.map(({ node: { instanceId } }) => instanceId)).toEqual([
      id('1'),
      id('2'),
    ]);
  });

  it('may be wanted all the same: Windows, and instances in other states', () => {
    expect(skipped({ isWindows: true }, { windowsSsh: true })).toEqual([]);
    const stopped = { state: 'stopped' };
    expect(skipped(stopped, { states: ['running', 'stopped'] })).toEqual([]);
    expect(skipped({}, { states: ['stopped'], bastion: id('b') })).toEqual(['running']);
  });

  it('is left out by tags, but for the bastion', () => {
    const role = (value: string) => ({ tags: new Map([['Role', value]]) });
    const nodes = [bastion, node('1', role('web-1')), node('2', role('db')), node('3')];
    const tags = new Map([['Role', ['web-*', 'x']]]);
    expect(ways(nodes, { tags })).toEqual({ b: 'direct', 1: 'jump b' });
    expect(plan(nodes, { tags })).toMatchObject({ filtered: 3, skipped: [] });
    const both = new Map([...tags, ['Name', ['server-2']]]);
    expect(ways(nodes, { tags: both, bastion: id('b') })).toEqual({ b: 'direct' });
  });
});
