import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse-config.ts';
import type { Settings } from '../../../src/config/settings.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';

const read = (text: string): Settings => parseConfig(text, 'config.toml');

function messageOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof DevaccessError && error.code === 'DA_CONFIG_INVALID') return error.message;
    throw error;
  }
  throw new Error('nothing was wrong');
}

/** Leaves out what is not set. */
function set(value: object | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value ?? {}).filter(([, content]) => content !== undefined),
  );
}

describe('[fleets.NAME]', () => {
  it('may be empty: all has a default', () => {
    expect([...read('[fleets.all]\n').fleets].map(([name, fleet]) => [name, set(fleet)])).toEqual([
      ['all', {}],
    ]);
  });

  it('has everything that hosts sync can be told', () => {
    const text = `
[fleets.prod]
profile = "prod"
regions = ["eu-central-1", "us-east-1", "eu-central-1"]
bastion = "tag:Role=the bastion"
route = "remote-host"
states = "running"
user = "deploy"
port = 2222
identity-file = "~/.ssh/prod key"
control-master = "1h30m"
alias-tag = "Hostname"
alias-template = "{tag:Role}-{name}.{region}"
alias-case = "keep"
prefix = "prod-"
suffix = ".x"
all = true
include-stopped = true
windows-ssh = false

[fleets.prod.tags]
Environment = "prod"
Role = ["web", "db-*"]

[[fleets.prod.users]]
tag = "Role=db=*"
user = "dba"

[[fleets.prod.users]]
platform = "Ubuntu*"
name = "build-?"
user = "first.last@corp"
`;
    expect(set(read(text).fleets.get('prod'))).toEqual({
      profile: 'prod',
      regions: ['eu-central-1', 'us-east-1'],
      bastion: 'tag:Role=the bastion',
      route: 'remote-host',
      states: ['running'],
      user: 'deploy',
      port: 2222,
      identityFile: '~/.ssh/prod key',
      controlMaster: '1h30m',
      aliasTag: 'Hostname',
      aliasTemplate: '{tag:Role}-{name}.{region}',
      aliasCase: 'keep',
      prefix: 'prod-',
      suffix: '.x',
      all: true,
      includeStopped: true,
      windowsSsh: false,
      tags: new Map([
        ['Environment', ['prod']],
        ['Role', ['web', 'db-*']],
      ]),
      users: [
        { user: 'dba', tag: { key: 'Role', pattern: 'db=*' } },
        { user: 'first.last@corp', platform: 'Ubuntu*', name: 'build-?' },
      ],
    });
  });

  it('takes region for one', () => {
    expect(read('[fleets.a]\nregion = "eusc-de-east-1"\n').fleets.get('a')?.regions).toEqual([
      'eusc-de-east-1',
    ]);
  });

  it.each([
    [
      'a key that is none',
      'bastian = "x"',
      '2: fleets.prod.bastian is not a key; did you mean bastion? (allowed: profile, region, regions, bastion, route, tags, states, user, port, identity-file, key, key-from, control-master, users, alias-tag, alias-template, alias-case, prefix, suffix, all, include-stopped, windows-ssh)',
    ],
    [
      'a region',
      'regions = ["eu-west-1", "europe"]',
      '2: fleets.prod.regions[1] "europe" is not an AWS region such as "eu-central-1"',
    ],
    ['no region', 'regions = []', '2: fleets.prod.regions is empty: give a list of AWS regions'],
    [
      'both keys for regions',
      'region = "eu-west-1"\nregions = ["eu-west-2"]',
      '3: fleets.prod.regions is there beside region: give the one or the other',
    ],
    [
      'a bastion',
      'bastion = "bastion"',
      '2: fleets.prod.bastion "bastion" is not an instance id, tag:KEY=VALUE, or "none"',
    ],
    [
      'a bastion that plays no part',
      'route = "direct"\nbastion = "tag:a=b"',
      '3: fleets.prod.bastion is there with route = "direct", which uses none',
    ],
    [
      'a route',
      'route = "vpn"',
      '2: fleets.prod.route "vpn" is not "auto", "direct", "jump", "remote-host"',
    ],
    [
      'a state',
      'states = ["running", "gone"]',
      '2: fleets.prod.states[1] "gone" is not "pending", "running", "stopping", "stopped"',
    ],
    [
      'a user',
      'user = "-oProxyCommand=x"',
      '2: fleets.prod.user "-oProxyCommand=x" is not a user of letters, digits and . _ - @',
    ],
    ['a port', 'port = "ssh"', '2: fleets.prod.port "ssh" is not a port from 1 to 65535'],
    ['a port', 'port = 65536', '65536 is not a port from 1 to 65535'],
    ['a switch', 'all = "yes"', '2: fleets.prod.all "yes" is not true or false'],
    [
      'a template',
      'alias-template = "{nane}"',
      '2: fleets.prod.alias-template "{nane}" is not text of letters',
    ],
    ['a template without a field', 'alias-template = "web"', 'with {name}, {id}, {region}'],
    [
      'a template that ssh could read as a pattern',
      'alias-template = "{name} *"',
      'is not text of letters',
    ],
    ['a prefix', 'prefix = "-x"', '2: fleets.prod.prefix "-x" is not letters'],
    ['a suffix', 'suffix = "x."', '2: fleets.prod.suffix "x." is not letters'],
    ['a case', 'alias-case = "upper"', '"upper" is not "lower", "keep"'],
    [
      'a life of connections',
      'control-master = "ever"',
      'is not true, false, or how long a connection stays open unused',
    ],
    [
      'a key file',
      "identity-file = '~/.ssh/a\"b'",
      'is not a path that is absolute or begins with ~/',
    ],
    [
      'a relative key file',
      "identity-file = 'id_rsa'",
      'is not a path that is absolute or begins with ~/',
    ],
    ['a tag filter', 'tags = "Role=web"', '2: fleets.prod.tags "Role=web" is not a table'],
    [
      'a tag value',
      'tags = { Role = 5 }',
      '2: fleets.prod.tags.Role 5 is not a value, or a list of values',
    ],
    ['a tag value in a list', 'tags.Role = ["web",\n 5]', '2: fleets.prod.tags.Role[1] 5 is not'],
    [
      'rules',
      'users = "x"',
      '2: fleets.prod.users "x" is not a list of rules, each with user and any of name, platform, tag',
    ],
    [
      'a rule without a user',
      '[[fleets.prod.users]]\nname = "x"',
      '2: fleets.prod.users[0].user is missing',
    ],
    [
      'the second rule',
      '[[fleets.prod.users]]\nuser = "x"\n[[fleets.prod.users]]\nuser = "y"\ntag = "Role"',
      '6: fleets.prod.users[1].tag "Role" is not KEY=VALUE of a tag; * and ? may be in VALUE',
    ],
  ])('explains a fault in %s', (_what, body, message) => {
    expect(messageOf(`[fleets.prod]\n${body}\n`)).toContain(message);
  });

  it('has no two names that one file could not tell apart', () => {
    expect(messageOf('[fleets.prod]\n[fleets.Prod]\n')).toContain(
      'fleets has two names that differ in nothing but upper and lower case',
    );
  });
});

describe('[hosts.NAME]', () => {
  it('is a node, or an address behind one', () => {
    const { hosts } = read(`
[hosts.nas]
instance = "mi-0123456789abcdef0"
user = "root"
[hosts.old-db]
address = "db.internal"
via = "bastion"
route = "remote-host"
`);
    expect([...hosts].map(([name, host]) => [name, set(host)])).toEqual([
      ['nas', { instance: 'mi-0123456789abcdef0', user: 'root', route: 'jump' }],
      ['old-db', { address: 'db.internal', via: 'bastion', route: 'remote-host' }],
    ]);
  });

  it.each([
    [
      '',
      '1: hosts.nas says not where it is: give instance, or address with the server it is reached via',
    ],
    ['address = "10.0.0.1"', 'hosts.nas says not where it is'],
    ['instance = "i-01234567"\nvia = "x"', 'hosts.nas has instance and address or via'],
    ['instance = "i-01234567"\nkey-from = "agent"', 'hosts.nas has key-from without key'],
    ['instance = "nas"', '2: hosts.nas.instance "nas" is not an instance id'],
    ['address = "a;b"\nvia = "x"', '2: hosts.nas.address "a;b" is not a host name or address'],
    [
      'address = "a"\nvia = "x"\nroute = "direct"',
      '4: hosts.nas.route "direct" is not "jump", "remote-host"',
    ],
  ])('explains what is wrong with %j', (body, message) => {
    expect(messageOf(`[hosts.nas]\n${body}\n`)).toContain(message);
  });

  it.each(['i-0123', 'MI-x', '10.0.0.1', 'localhost', 'none', 'a b', '-x', 'x'.repeat(64), '*'])(
    'takes no name that means something else: %s',
    (name) => {
      const text = `[hosts.${JSON.stringify(name)}]\ninstance = "i-01234567"\n`;
      expect(messageOf(text)).toContain('is not a name for a server');
    },
  );
});

it('has rules for users of every fleet, and says how entries get into the SSH config', () => {
  const { users, ssh } = read('[ssh]\ninline = true\n[[users]]\nplatform = "Debian*"\nuser = "me"');
  expect(users).toEqual([{ platform: 'Debian*', user: 'me' }]);
  expect(ssh.inline).toBe(true);
  expect(messageOf('[ssh]\ninline = "no"\n')).toContain('2: ssh.inline "no" is not true or false');
});
