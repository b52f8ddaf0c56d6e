import { Flags } from '@oclif/core';

/** Flags that say what the keys of `[fleets.NAME]` say, and win over them. */
const FLEET_FLAGS = {
  bastion: Flags.string({
    helpValue: 'ID|tag:KEY=VALUE|none',
    summary: 'server that others are reached through; else found by its name where one is needed',
  }),
  route: Flags.option({
    options: ['auto', 'direct', 'jump', 'remote-host'] as const,
    summary: "the server's own agent, the bastion's SSH server, or the bastion's agent alone",
    description:
      'auto is the own agent where it is online, else the SSH server of the bastion; jump and ' +
      'remote-host go through the bastion to all in its network. remote-host needs no login there.',
  })(),
  tag: Flags.string({
    helpValue: 'KEY=VALUE',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'only servers with the tag; * and ? may be in VALUE; several: all keys, any value',
  }),
  state: Flags.option({
    options: ['pending', 'running', 'stopping', 'stopped'] as const,
    multiple: true,
    multipleNonGreedy: true,
    summary: 'instance states that get an entry; else running',
  })(),
  user: Flags.string({
    helpValue: 'U',
    summary: 'user for all servers, not by tag, rule or system',
  }),
  port: Flags.integer({ helpValue: 'PORT', summary: 'port of all SSH servers, not by tag' }),
  'alias-tag': Flags.string({ helpValue: 'KEY', summary: 'tag that names a server; else Name' }),
  'alias-template': Flags.string({
    helpValue: 'TEXT',
    summary: 'aliases, such as {tag:Role}-{name}; also {region}, {fleet}, {profile}, {id}',
  }),
  'alias-case': Flags.option({
    options: ['lower', 'keep'] as const,
    summary: 'case of aliases; else lower',
  })(),
  prefix: Flags.string({ helpValue: 'TEXT', summary: 'text in front of every alias' }),
  suffix: Flags.string({ helpValue: 'TEXT', summary: 'text behind every alias' }),
  all: Flags.boolean({
    allowNo: true,
    summary: 'entries also for servers that are not known to be online',
  }),
  'include-stopped': Flags.boolean({
    allowNo: true,
    summary: 'a comment in the file for what is stopped or lost its connection',
  }),
  'windows-ssh': Flags.boolean({ allowNo: true, summary: 'entries for Windows servers, too' }),
  key: Flags.option({
    options: ['auto', 'instance-connect', 'run-command'] as const,
    summary: 'each connection gives the server a key that logs in for a minute, and takes it away',
    description:
      'by EC2 Instance Connect; by Run Command in authorized_keys, which is for mi-… nodes, too; or ' +
      'each by what it takes, auto (docs/login-keys.md)',
  })(),
  'key-from': Flags.option({
    options: ['generated', 'agent'] as const,
    summary: 'that key is made for the connection, or is the first of the SSH agent',
  })(),
  'control-master': Flags.boolean({
    allowNo: true,
    summary: 'further connections to a server share the first',
  }),
};

export const SYNC_FLAGS = {
  fleet: Flags.string({
    helpValue: 'NAME',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'only this fleet of the config file; else all of them',
    exclusive: ['profile'],
  }),
  profile: Flags.string({
    helpValue: 'P',
    summary: 'profile instead of the fleets; else AWS_PROFILE, default',
  }),
  region: Flags.string({
    helpValue: 'R',
    multiple: true,
    multipleNonGreedy: true,
    summary: "region, or several; else the fleet's, AWS_REGION, the profile's",
  }),
  ...FLEET_FLAGS,
  inline: Flags.boolean({
    allowNo: true,
    summary: 'write into ~/.ssh/config itself, for tools that do not follow Include',
  }),
  trust: Flags.boolean({
    default: false,
    exclusive: ['dry-run'],
    summary: 'fetch the host keys of all these servers, too',
    description: 'as `devaccess hosts trust` does',
  }),
  'dry-run': Flags.boolean({
    default: false,
    summary: 'show the changes as a diff and write nothing',
  }),
};
