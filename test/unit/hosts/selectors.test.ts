import type { Instance } from '@aws-sdk/client-ec2';
import type { InstanceInformation } from '@aws-sdk/client-ssm';
import { describe, expect, it } from 'vitest';
import type { TaggedSource } from '../../../src/hosts/inventory-source.ts';
import { selectAgents, selectHost, selectHosts } from '../../../src/hosts/selectors.ts';
import type { SelectorWorld } from '../../../src/hosts/selectors.ts';
import type { SyncedHost } from '../../../src/hosts/synced-hosts.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';

const id = (digit: number): string => `i-0000000000000000${digit}`;
const HYBRID = 'mi-00000000000000001';

function instance(digit: number, state = 'running'): Instance {
  return {
    InstanceId: id(digit),
    State: { Name: state as 'running' },
    Tags: [{ Key: 'Name', Value: `web-${digit}` }],
  };
}

const online = (InstanceId: string): InstanceInformation => ({ InstanceId, PingStatus: 'Online' });

interface Answers {
  instances?: Instance[] | DevaccessError;
  managed?: InstanceInformation[];
  byId?: InstanceInformation[];
}

async function* list<T>(items: readonly T[]): AsyncGenerator<T> {
  await Promise.resolve();
  yield* items;
}

function world(
  { instances = [], managed = [], byId = [] }: Answers,
  syncedHosts: SyncedHost[] = [],
): SelectorWorld & { askedIds: string[] } {
  const askedIds: string[] = [];
  const source: TaggedSource = {
    instances: async function* () {
      if (instances instanceof DevaccessError) throw instances;
      yield* list(instances);
    },
    managedNodes: () => list(managed),
    managedNodesById: (ids) => {
      askedIds.push(...ids);
      return list(byId.filter(({ InstanceId }) => ids.includes(InstanceId ?? '')));
    },
  };
  const account = { source, profile: 'dev', region: 'eu-west-1', notices: [] };
  return { syncedHosts, askedIds, tagAccount: () => Promise.resolve(account) };
}

const behind = (digit: number, hostName: string): SyncedHost => ({
  alias: `web-${digit}`,
  instanceId: id(digit),
  route: 'jump',
  user: undefined,
  behind: { bastion: id(9), hostName },
  port: 22,
  profile: 'dev',
  region: 'eu-west-1',
});

describe('a tag', () => {
  it('stands for the one node online, whoever else carries it', async () => {
    const answers = { instances: [instance(1), instance(2, 'stopped')], managed: [online(id(1))] };
    expect(await selectHost('tag:Role=web', world(answers))).toEqual({
      name: 'web-1',
      instanceId: id(1),
      reach: { target: id(1), remoteHost: undefined, profile: 'dev', region: 'eu-west-1' },
    });
  });

  it('stands for nodes whose tags only EC2 finds: SSM is asked for them by id', async () => {
    const asked = world({
      instances: [instance(1), instance(2, 'stopped')],
      byId: [online(id(1))],
    });
    expect((await selectHost('tag:Role=web', asked)).instanceId).toBe(id(1));
    expect(asked.askedIds).toEqual([id(1)]);
  });

  it('stands for a hybrid node by its own tags', async () => {
    const answers = { managed: [{ ...online(HYBRID), Name: 'nas' }] };
    expect(await selectHost('tag:Site=office', world(answers))).toMatchObject({
      name: 'nas',
      reach: { target: HYBRID },
    });
  });

  it('goes through the bastion for a host that was synced so', async () => {
    const answers = { instances: [instance(1)] };
    const { reach } = await selectHost('tag:Role=web', world(answers, [behind(1, '10.0.0.1')]));
    expect(reach).toMatchObject({ target: id(9), remoteHost: '10.0.0.1' });
  });

  it('stands for many, and tells who is missing and why', async () => {
    const answers = {
      instances: [instance(1), instance(2), instance(3, 'stopped'), instance(4)],
      managed: [online(id(1)), online(id(2)), { InstanceId: id(4), PingStatus: 'ConnectionLost' }],
    } as const;
    const selection = await selectHosts(
      'tag:Role=web',
      world({ ...answers, instances: [...answers.instances], managed: [...answers.managed] }),
    );
    expect(selection.hosts.map(({ instanceId }) => instanceId)).toEqual([id(1), id(2)]);
    expect(selection.unreachable.map(({ name, why }) => [name, why])).toEqual([
      ['web-3', 'stopped'],
      ['web-4', 'agent ConnectionLost'],
    ]);
  });

  it('is ambiguous for one host when several could be meant', async () => {
    const instances = Array.from({ length: 9 }, (_, index) => instance(index + 1));
    const managed = [...instances.map(({ InstanceId }) => online(InstanceId!)), online(HYBRID)];
    managed.push(online('mi-00000000000000002'));
    await expect(selectHost('tag:Role=web', world({ instances, managed }))).rejects.toMatchObject({
      code: 'DA_HOST_AMBIGUOUS',
      exitCode: 2,
      message: expect.stringMatching(
        /^tag:Role=web is more than one host: web-1 \(i-0{16}1\), .*web-9 .*, mi-0+1 and 1 more$/,
      ) as string,
      next: `use an id, such as ${id(1)}`,
    });
  });

  it.each([
    ['nobody', {}, 'DA_HOST_NOT_FOUND', 'No node in eu-west-1 has the tag Role=web'],
    ['one stopped', { instances: [instance(1, 'stopped')] }, 'DA_HOST_OFFLINE', 'is stopped'],
    [
      'several without agent',
      { instances: [instance(1), instance(2)] },
      'DA_HOST_OFFLINE',
      `none of web-1 (${id(1)}), web-2 (${id(2)}) is online`,
    ],
    [
      'nobody that SSM knows, where EC2 is denied',
      { instances: new DevaccessError('DA_ACCESS_DENIED', 'No EC2 for you') },
      'DA_HOST_NOT_FOUND',
      'No EC2 for you',
    ],
  ])('with %s behind it is an error', async (_what, answers: Answers, code, text) => {
    await expect(selectHosts('tag:Role=web', world(answers))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text) as string,
    });
  });

  it.each(['tag:', 'tag:Role', 'tag:Role=', 'tag:=web'])(
    'has a key and a value: %s',
    async (text) => {
      await expect(selectHosts(text, world({}))).rejects.toMatchObject({ code: 'DA_USAGE' });
    },
  );
});

describe('a name or an id', () => {
  it('is taken without asking AWS', async () => {
    const hosts = {
      syncedHosts: [behind(1, '10.0.0.1')],
      tagAccount: () => Promise.reject(new Error()),
    };
    expect(await selectHost('web-1', hosts)).toMatchObject({
      name: 'web-1',
      instanceId: id(1),
      reach: { target: id(9), remoteHost: '10.0.0.1' },
    });
    expect((await selectHost(id(5), hosts)).reach.target).toBe(id(5));
    await expect(selectHost('web', hosts)).rejects.toMatchObject({ code: 'DA_HOST_UNKNOWN' });
  });
});

describe('hosts whose agents are used', () => {
  it('are each taken once, and what a tag means beyond them is told', async () => {
    const here = world(
      {
        instances: [instance(1), instance(2, 'stopped'), instance(3), instance(4)],
        managed: [online(id(1))],
        byId: [{ InstanceId: id(4), PingStatus: 'ConnectionLost' }],
      },
      [behind(3, '10.0.0.3')],
    );
    const { hosts, refused, notices } = await selectAgents(['tag:Role=web', id(1)], here);
    expect(hosts.map(({ instanceId }) => instanceId)).toEqual([id(1)]);
    expect(refused.map(({ instanceId, error }) => [instanceId, error.code])).toEqual([
      [id(3), 'DA_NO_AGENT'],
      [id(4), 'DA_TARGET_NOT_CONNECTED'],
    ]);
    expect(notices).toEqual([`left out web-2 (${id(2)}): stopped`]);
  });

  it('are refused at once when a host behind a bastion is named itself', async () => {
    await expect(selectAgents(['web-3'], world({}, [behind(3, '10.0.0.3')]))).rejects.toMatchObject(
      {
        code: 'DA_NO_AGENT',
        exitCode: 2,
      },
    );
  });
});
