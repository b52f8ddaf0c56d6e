import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/config/config-file.ts';
import { parseConfig } from '../../../src/config/parse-config.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';

function faultOf(action: () => unknown): DevaccessError {
  try {
    action();
  } catch (error) {
    if (error instanceof DevaccessError) return error;
    throw error;
  }
  throw new Error('nothing was wrong');
}

function messageOf(text: string): string {
  const fault = faultOf(() => parseConfig(text, 'config.toml'));
  expect(fault.code).toBe('DA_CONFIG_INVALID');
  return fault.message;
}

describe('[session]', () => {
  it('says how fast to send', () => {
    const read = (text: string) => parseConfig(`[session]\n${text}`, 'config.toml').session;
    expect(read('')).toEqual({});
    expect(read('pace = 900\nwindow = 512')).toEqual({ pace: '900', window: '512' });
    expect(read('pace = "900/1800"')).toEqual({ pace: '900/1800' });
    expect(read('pace = "off"')).toEqual({ pace: 'off' });
  });

  it.each([
    ['pace = "fast"', 'config.toml:2: session.pace "fast" is not \'off\' or messages per second'],
    ['pace = -1', "config.toml:2: session.pace -1 is not 'off'"],
    ['\nwindow = 1', 'config.toml:3: session.window 1 is not a number of KiB from 64 to 65536'],
    ['windows = 64', 'session.windows is not a key; did you mean window?'],
  ])('%s is a fault', (text, message) => {
    expect(messageOf(`[session]\n${text}`)).toContain(message);
  });
});

describe('the config file', () => {
  it('has tunnels, with defaults', () => {
    const text = `
# databases
[tunnels.db]
host = "db-1"
ports = ["15432:5432", 6379]

[tunnels.'web.2']
host = "tag:Role=web"
ports = ["80"]
remote-host = "web.internal"
bind = "::1"
sessions = "auto"
profile = "work"
region = "us-gov-west-1"
`;
    expect(Object.fromEntries(parseConfig(text, 'config.toml').tunnels)).toEqual({
      db: {
        host: 'db-1',
        ports: [
          { local: 15432, remote: 5432 },
          { local: 6379, remote: 6379 },
        ],
        bind: '127.0.0.1',
        sessions: 1,
        remoteHost: undefined,
      },
      'web.2': {
        host: 'tag:Role=web',
        ports: [{ local: 80, remote: 80 }],
        bind: '::1',
        sessions: 'auto',
        remoteHost: 'web.internal',
        profile: 'work',
        region: 'us-gov-west-1',
      },
    });
  });

  it.each(['', '# nothing yet\n', '[tunnels]\n'])('may be empty: %j', (text) => {
    expect(parseConfig(text, 'config.toml').tunnels.size).toBe(0);
  });

  it.each([
    [
      'an unknown key, with the one that was meant',
      '[tunnels.db]\nhost = "db-1"\nports = [1]\n\nsesions = 2\n',
      'config.toml:5: tunnels.db.sesions is not a key; did you mean sessions? (allowed: host, ports, remote-host, bind, unix, sessions, profile, region)',
    ],
    [
      'the same in a file of Windows',
      '[tunnels.db]\r\nhost = "db-1"\r\nports = [1]\r\n\r\nsesions = 2\r\n',
      'config.toml:5: tunnels.db.sesions is not a key; did you mean sessions? (allowed: host, ports, remote-host, bind, unix, sessions, profile, region)',
    ],
    [
      'a required key that is misspelt',
      '[tunnels.db]\nhost = "x"\nport = 80\n',
      'config.toml:3: tunnels.db.port is not a key; did you mean ports? (allowed: host, ports, remote-host, bind, unix, sessions, profile, region)',
    ],
    [
      'an unknown section',
      'x = 1\n[tunels.db]\n',
      'config.toml:1: x is not a key (allowed: fleets, hosts, users, ssh, session, tunnels); config.toml:2: tunels is not a key; did you mean tunnels? (allowed: fleets, hosts, users, ssh, session, tunnels)',
    ],
    [
      'a key that is missing, at its table',
      '\n[tunnels.db]\nports = [5432]\n',
      'config.toml:2: tunnels.db.host is missing',
    ],
    [
      'a value out of bounds, with those allowed',
      '[tunnels.db]\nhost = "db-1"\nsessions = 9\nports = [1]\n',
      'config.toml:3: tunnels.db.sessions 9 is not a number from 1 to 8, or "auto"',
    ],
    [
      'an element of a list',
      '[tunnels.db]\nhost = "db-1"\nports = [\n  5432,\n  70000,\n]\n',
      'config.toml:3: tunnels.db.ports[1] 70000 is not a port from 1 to 65535, or "LOCAL:PORT"',
    ],
    [
      'a list that is none',
      '[tunnels.db]\nhost = "db-1"\nports = 5432\n',
      'config.toml:3: tunnels.db.ports 5432 is not a list of ports, each [LOCAL:]PORT',
    ],
    [
      'a dotted key',
      'tunnels.db.host = "x"\ntunnels.db.ports = []\n',
      'config.toml:2: tunnels.db.ports is empty: give a list of ports, each [LOCAL:]PORT',
    ],
    [
      'an inline table',
      '\n\ntunnels.db = { host = "x", ports = [1], bind = "everywhere" }\n',
      'config.toml:3: tunnels.db.bind "everywhere" is not an address of this machine such as "127.0.0.1" or "::1"',
    ],
    [
      'a table where there is an array of tables',
      '[[tunnels.db]]\nhost = "x"\n',
      'config.toml:1: tunnels.db [{"host":"x"}] is not a table',
    ],
    [
      'a name that a terminal or a file system could trip over',
      '[tunnels."../db"]\nhost = "x"\nports = [1]\n',
      'config.toml:1: tunnels."../db" is not a name: give letters, digits, dots, dashes and underscores, 64 at most',
    ],
    [
      'text that could be a flag, or more than one word',
      '[tunnels.db]\nhost = "-oProxyCommand=x"\nports = [1]\nprofile = "a b"\n',
      'config.toml:2: tunnels.db.host "-oProxyCommand=x" is not a name of hosts sync, an instance id or tag:KEY=VALUE; config.toml:4: tunnels.db.profile "a b" is not the name of an AWS profile',
    ],
    [
      'several ports on one socket',
      '[tunnels.db]\nhost = "x"\nunix = "~/db.sock"\nports = [1, 2]\n',
      'config.toml:4: tunnels.db.ports with unix, give one port',
    ],
    [
      'one local port twice',
      '[tunnels.db]\nhost = "x"\nports = ["80", "80:81"]\n',
      'config.toml:3: tunnels.db.ports name one local port twice',
    ],
    [
      'broken TOML, with its column',
      '[tunnels.db]\nhost = db-1\n',
      'config.toml:2:8: invalid value',
    ],
  ])('explains %s', (_what, text, message) => {
    expect(messageOf(text)).toBe(message);
  });

  it('finds a key below text that looks like TOML', () => {
    const text = `[tunnels.db]
host = "x"
profile = """
[tunnels.web]
bind = 1
"""
ports = [1]
bind = 2
`;
    expect(messageOf(text)).toContain('config.toml:3: tunnels.db.profile');
    expect(messageOf(text)).toContain('config.toml:8: tunnels.db.bind');
  });

  it('cuts a long list of faults', () => {
    const keys = Array.from({ length: 9 }, (_, index) => `strange${index} = 1\n`).join('');
    expect(messageOf(keys)).toMatch(/strange4.*; and 4 more$/);
  });

  it('takes names that JavaScript gives a meaning for what they are', () => {
    const tunnel = 'host = "x"\nports = [1]\n';
    expect([...parseConfig(`[tunnels.prototype]\n${tunnel}`, 'x').tunnels.keys()]).toEqual([
      'prototype',
    ]);
    expect(messageOf(`[tunnels.__proto__]\n${tunnel}`)).toContain(
      '1: tunnels.__proto__ is not a name',
    );
    expect(messageOf('[__proto__]\nx = 1\n')).toContain('1: __proto__ is not a key');
    expect(messageOf(`[tunnels.db]\n${tunnel}constructor = 1\n`)).toContain(
      'tunnels.db.constructor',
    );
  });
});

describe('reading it', () => {
  const home = mkdtempSync(join(tmpdir(), 'devaccess-config-'));
  const folder = join(home, '.config', 'devaccess');
  const path = join(folder, 'config.toml');
  const good = '[tunnels.db]\nhost = "x"\nports = [1]\n';
  mkdirSync(folder, { recursive: true });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('takes no file for an empty one, unless it was named', () => {
    expect(readConfig({ HOME: home })).toEqual({
      path,
      fleets: new Map(),
      hosts: new Map(),
      ssh: {},
      session: {},
      tunnels: new Map(),
    });
    const named = { HOME: home, DEVACCESS_CONFIG: join(home, 'none.toml') };
    expect(faultOf(() => readConfig(named)).code).toBe('DA_NO_CONFIG');
    expect(readConfig({ HOME: home, DEVACCESS_CONFIG: '/dev/null' }).tunnels.size).toBe(0);
  });

  it('refuses a file that others may write', () => {
    writeFileSync(path, good);
    for (const mode of [0o664, 0o646]) {
      chmodSync(path, mode);
      const fault = faultOf(() => readConfig({ HOME: home }));
      expect(fault).toMatchObject({ code: 'DA_CONFIG_UNSAFE', next: `chmod go-w '${path}'` });
    }
    chmodSync(path, 0o644);
    expect([...readConfig({ HOME: home }).tunnels.keys()]).toEqual(['db']);
  });

  it('is found where XDG_CONFIG_HOME and DEVACCESS_CONFIG say', () => {
    writeFileSync(path, good, { mode: 0o600 });
    const elsewhere = { HOME: '/nonexistent' };
    expect(readConfig({ ...elsewhere, XDG_CONFIG_HOME: join(home, '.config') }).path).toBe(path);
    expect(readConfig({ ...elsewhere, DEVACCESS_CONFIG: path }).path).toBe(path);
    expect(readConfig({ HOME: folder, DEVACCESS_CONFIG: '~/config.toml' }).path).toBe(path);
  });

  it('refuses what is not text', () => {
    writeFileSync(path, Buffer.from([0x61, 0xff, 0x0a]));
    expect(faultOf(() => readConfig({ HOME: home })).code).toBe('DA_FILE_ENCODING');
  });
});
