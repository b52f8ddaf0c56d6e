import { expect, it } from 'vitest';
import { filterHosts, listHosts } from '../../../src/hosts/host-list.ts';
import type { ListedHost } from '../../../src/hosts/host-list.ts';
import type { InventoryNode } from '../../../src/hosts/host.ts';
import type { PlannedAccount, ReadAccounts } from '../../../src/hosts/read-accounts.ts';
import { parseSyncedTexts } from '../../../src/hosts/synced-hosts.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';
import { id, node, ONLINE } from './nodes.ts';

const PROXY = 'devaccess-proxy --target %h --port %p --profile p --region r';
const entry = (name: string, digit: string, options: string): string =>
  `Host ${name} ${id(digit)}\n    ${options}\n`;
const TEXTS = parseSyncedTexts([
  {
    name: 'devaccess-f@r.conf',
    text:
      '# devaccess-hosts 1 {"fleet":"f","config":"c"}\n\n' +
      [
        entry('bastion', '1', `ProxyCommand ${PROXY}`),
        entry('db', '2', `HostName 10.0.0.2\n    User dba\n    Port 2022\n    ProxyJump bastion`),
        entry('web', '3', `ProxyCommand ${PROXY}`),
        entry('gone', '4', `ProxyCommand ${PROXY}`),
        entry('far', '5', `ProxyCommand ${PROXY.replace('--region r', '--region s')}`),
      ].join('\n'),
  },
  {
    name: 'devaccess-@hosts.conf',
    text:
      '# devaccess-hosts 1 {"fleet":"@hosts","config":"c"}\n\n' +
      `Host nas\n    ProxyCommand devaccess-proxy --target ${id('1')} --host 10.9.9.9 --port %p --profile p --region r\n`,
  },
]);

function live(
  nodes: InventoryNode[],
  skipped: { instanceId: string; reason: string }[] = [],
): ReadAccounts {
  const account = {
    fleet: 'f',
    profile: 'p',
    proxyProfile: 'p',
    region: 'r',
  } as PlannedAccount['account'];
  const find = (wanted: string) => nodes.find(({ instanceId }) => instanceId === wanted);
  return {
    planned: [
      {
        account,
        plan: {
          reached: [],
          skipped: skipped.map((each) => ({ ...each, name: 'x' })),
          absent: [],
          filtered: 0,
          notices: [],
          noBastion: undefined,
        },
        nodeOf: find,
        isGone: (wanted) => find(wanted) === undefined,
        knowsAgents: true,
      },
    ],
    failures: [
      {
        fleet: undefined,
        profile: 'p',
        region: 's',
        error: new DevaccessError('DA_ENDPOINT_UNREACHABLE', 'nobody answers'),
      },
    ],
  };
}

const status = (hosts: ListedHost[]) => hosts.map((host) => [host.name, host.status, host.reason]);

it('says how each is reached, and asks nobody', () => {
  expect(listHosts(TEXTS, undefined)).toMatchObject([
    {
      name: 'bastion',
      instanceId: id('1'),
      status: null,
      route: 'direct',
      fleet: 'f',
      profile: 'p',
    },
    { name: 'db', route: 'jump', bastion: id('1'), address: '10.0.0.2', user: 'dba', port: 2022 },
    { name: 'web' },
    { name: 'gone' },
    { name: 'far', region: 's' },
    {
      name: 'nas',
      instanceId: null,
      isFixed: true,
      fleet: null,
      route: 'remote-host',
      bastion: id('1'),
    },
  ]);
});

it('says which can be reached, and why others cannot', () => {
  const running = { state: 'running' };
  const found = listHosts(
    TEXTS,
    live(
      [
        node('1', { ...running, ...ONLINE }),
        node('2', running),
        node('3', running),
        node('6', running),
      ],
      [{ instanceId: id('6'), reason: 'Windows' }],
    ),
  );
  expect(status(found)).toEqual([
    ['bastion', 'online', null],
    ['db', 'behind', null],
    ['web', 'offline', 'not in Systems Manager'],
    ['gone', 'offline', 'no more, or hidden from this profile'],
    ['far', 'unknown', 'nobody answers'],
    ['nas', 'behind', null],
    ['x', 'no-entry', 'Windows'],
  ]);
});

it('blames the bastion for what is behind it, and a server for being stopped', () => {
  const lost = node('1', { state: 'running', pingStatus: 'ConnectionLost' });
  const off = node('2', { state: 'stopped' });
  const reasons = new Map(
    listHosts(TEXTS, live([lost, off])).map(({ name, reason }) => [name, reason]),
  );
  expect(reasons.get('bastion')).toBe('not online in Systems Manager (ConnectionLost)');
  expect(reasons.get('nas')).toBe('the bastion is not online in Systems Manager (ConnectionLost)');
  expect(reasons.get('db')).toBe('stopped');
  const stopped = listHosts(
    TEXTS,
    live([node('1', { state: 'stopped' }), node('2', { state: 'running' })]),
  );
  expect(stopped.find(({ name }) => name === 'db')?.reason).toBe('the bastion is stopped');
});

it('filters by patterns of names, ids and addresses, and by where they are from', () => {
  const all = { patterns: [], profile: undefined, region: undefined, fleet: undefined };
  const names = (filter: object): string[] =>
    filterHosts(listHosts(TEXTS, undefined), { ...all, ...filter }).map(({ name }) => name);
  expect(names({ patterns: ['WE*', id('4')] })).toEqual(['web', 'gone']);
  expect(names({ patterns: ['10.?.*'] })).toEqual(['db', 'nas']);
  expect(names({ fleet: 'f', region: 's' })).toEqual(['far']);
  expect(names({ profile: 'other' })).toEqual([]);
});
