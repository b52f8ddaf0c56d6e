import { describe, expect, it } from 'vitest';
import { wantedAlias } from '../../../src/hosts/alias-name.ts';
import { fleetOptions } from '../../../src/hosts/fleet.ts';
import type { FleetWishes, UserRule } from '../../../src/hosts/fleet.ts';
import type { InventoryNode } from '../../../src/hosts/host.ts';
import { checkUser, hostPort, hostUser } from '../../../src/hosts/host-user.ts';
import { sharingOf } from '../../../src/hosts/sharing.ts';
import { id, node } from './nodes.ts';

const failure = (code: string): Error => expect.objectContaining({ code }) as Error;

describe('the user', () => {
  const user = (changes: Partial<InventoryNode>, asked?: string, users: UserRule[] = []) =>
    hostUser(node('1', changes), { user: asked, users });

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
  ])('on %s is %s', (platformName, expected) => {
    expect(user({ platformName })).toBe(expected);
    expect(user({ platformName, isHybrid: true })).toBeUndefined();
  });

  it('is the one asked for, else that of a well-formed tag', () => {
    const tagged = (value: string) => ({
      platformName: 'Ubuntu',
      tags: new Map([['ssh-user', value]]),
    });
    expect(user(tagged('deploy'), 'me')).toBe('me');
    expect(user(tagged('deploy'))).toBe('deploy');
    expect(user(tagged('x\n  ProxyCommand y'))).toBe('ubuntu');
    expect(() => checkUser('-oProxyCommand=x')).toThrow(failure('DA_USAGE'));
  });

  it('is that of the first rule that fits in all it says', () => {
    const rules: UserRule[] = [
      { user: 'a', name: 'DB-*', tag: { key: 'Role', pattern: 'db?' } },
      { user: 'b', platform: 'ubuntu*' },
      { user: 'c', tag: { key: 'Role', pattern: '*' } },
    ];
    const role = (value: string) => new Map([['Role', value]]);
    expect(user({ name: 'db-1', tags: role('db1') }, undefined, rules)).toBe('a');
    expect(user({ name: 'db-1', tags: role('db') }, undefined, rules)).toBe('c');
    expect(user({ platformName: 'Ubuntu 24.04' }, undefined, rules)).toBe('b');
    expect(user({ platformName: 'Debian' }, undefined, rules)).toBe('admin');
    expect(
      user({ tags: new Map([['ssh-user', 'own']]), platformName: 'Ubuntu' }, undefined, rules),
    ).toBe('own');
    expect(user({ isHybrid: true, tags: role('') }, undefined, rules)).toBe('c');
  });
});

it.each([
  ['2222', 2222],
  ['0', 22],
  ['65536', 22],
  ['22 ', 22],
  ['1e3', 22],
])('takes port tag %j as %d, and the port asked for before it', (tag, port) => {
  const tagged = node('1', { tags: new Map([['ssh-port', tag]]) });
  expect(hostPort(tagged, undefined)).toBe(port);
  expect(hostPort(tagged, 2022)).toBe(2022);
});

describe('the alias a server would like', () => {
  const place = { region: 'eu-west-1', profile: 'work', fleet: 'prod' };
  const wanted = (changes: Partial<InventoryNode>, wishes: FleetWishes) =>
    wantedAlias(node('1', changes), place, fleetOptions(wishes).alias);
  const tags = new Map([
    ['Role', 'Web Server'],
    ['Host', 'Höst'],
  ]);

  it.each<[string | undefined, FleetWishes]>([
    ['server-1', {}],
    ['host', { aliasTag: 'Host' }],
    ['Host', { aliasTag: 'Host', aliasCase: 'keep' }],
    [undefined, { aliasTag: 'Nope', prefix: 'x-' }],
    ['web-server-server-1', { aliasTemplate: '{tag:Role}-{name}' }],
    ['prod.server-1.eu-west-1', { aliasTemplate: '{fleet}.{name}.{region}' }],
    ['server-1', { aliasTemplate: '{tag:None}-{name}-{tag:None}' }],
    ['server-1-work', { aliasTemplate: '{tag:Name}-{profile}' }],
    [undefined, { aliasTemplate: '{tag:None}' }],
    ['p_server-1.x', { prefix: 'p_', suffix: '.x' }],
    [undefined, { prefix: 'i-' }],
  ])('is %s with %o', (alias, wishes) => {
    expect(wanted({ tags }, wishes)).toBe(alias);
  });

  it('is no longer than an alias may be, with prefix and suffix whole', () => {
    const alias = wanted({ name: 'x'.repeat(99) }, { prefix: 'pre-', suffix: '-post' });
    expect(alias).toMatch(/^pre-x+-post$/);
    expect(alias).toHaveLength(63);
  });

  it('is that of a hybrid node whatever the tag, unless it has the tag', () => {
    const hybrid = { isHybrid: true, name: 'nas', instanceId: `m${id('1')}` };
    expect(wanted(hybrid, { aliasTag: 'Host' })).toBe('nas');
    expect(wanted({ ...hybrid, tags }, { aliasTag: 'Host' })).toBe('host');
  });
});

describe('where shared connections have their sockets', () => {
  it('is a folder of their own, short enough for what ssh makes there', () => {
    expect(sharingOf('/home/me%/.ssh', 'linux')).toEqual({
      folder: '/home/me%/.ssh/devaccess-mux',
      controlPath: '/home/me%%/.ssh/devaccess-mux/%C',
    });
    const long = `/${'x'.repeat(29)}/.ssh`;
    expect(sharingOf(long, 'linux')).toMatchObject({ folder: `${long}/devaccess-mux` });
    expect(sharingOf(long, 'darwin')).toContain('too long');
    expect(sharingOf('/home/a"b/.ssh', 'linux')).toContain('cannot be written');
    expect(sharingOf('/home/me/.ssh', 'win32')).toContain('Windows');
  });
});
