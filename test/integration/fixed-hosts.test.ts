import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ListedHost } from '../../src/hosts/host-list.ts';
import { devaccess } from './cli.ts';

let home: string;
let env: Record<string, string>;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-fixed-'));
  const folder = join(home, '.ssh', 'config.d');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'devaccess-dev-us-east-1.conf'),
    '# devaccess-hosts 1\n\nHost bastion i-0123456789abcdef1\n    HostName i-0123456789abcdef1\n' +
      '    ProxyCommand node proxy --target %h --port %p --profile dev --region us-east-1\n',
  );
  env = { HOME: home, PATH: process.env['PATH'] ?? '' };
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const config = (): string => join(home, '.config', 'devaccess', 'config.toml');
const entries = (): string => join(home, '.ssh', 'config.d', 'devaccess-@hosts.conf');
const hosts = (...args: string[]) => devaccess(['hosts', ...args], { env });

it('come, are listed, and go again, with their entries', async () => {
  const add = ['add', 'old-db', '--address', '10.0.9.4', '--via', 'bastion', '--user', 'dba'];
  const added = await hosts(...add);
  expect(added).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^(devaccess: HOME is .*\n)?$/) as string,
  });
  expect(added.stdout).toMatch(
    /^added old-db; .*config\.toml \(created\), .*@hosts\.conf \(created\)/,
  );
  expect(statSync(config()).mode & 0o777).toBe(0o600);
  expect(readFileSync(config(), 'utf8')).toBe(
    '[hosts.old-db]\naddress = "10.0.9.4"\nvia = "bastion"\nuser = "dba"\n',
  );
  expect(readFileSync(entries(), 'utf8')).toMatch(
    /^Host old-db\n.*HostName 10\.0\.9\.4\n[^]*ProxyJump bastion\n/m,
  );
  const again = await hosts(...add);
  expect([again.code, again.stdout]).toEqual([0, 'no entry changed; no file changed\n']);

  const listed = await hosts('list', '--json');
  const { hosts: shown } = JSON.parse(listed.stdout) as { hosts: ListedHost[] };
  expect(shown.map(({ name, route, isFixed }) => [name, route, isFixed])).toEqual([
    ['old-db', 'jump', true],
    ['bastion', 'direct', false],
  ]);
  const table = await hosts('list', 'old*');
  expect(table.stdout).toMatch(/^HOST +ROUTE +.*\nold-db +jump via .*\n$/);

  const removed = await hosts('remove', 'old-db', 'unheard-of');
  expect([removed.code, removed.stdout]).toEqual([0, expect.stringMatching(/^removed old-db; /)]);
  expect(removed.stderr).toContain("there is no fixed host 'unheard-of'");
  expect(readFileSync(config(), 'utf8')).toBe('');
  expect(existsSync(entries())).toBe(false);
});

it('are refused with the next step, and change nothing', async () => {
  writeFileSync(
    config(),
    'hosts = { alpha = { instance = "i-01234567" }, beta = { instance = "i-01234568" } }\n',
  );
  const cases: [string[], number, RegExp][] = [
    [['add', 'nas'], 2, /nas: says not where it is.* \[DA_USAGE\] Next: .*--help/],
    [
      ['add', 'alpha', '--instance', 'i-0123456789abcdef2'],
      2,
      /\[DA_HOST_EXISTS\] Next: .*--replace/,
    ],
    [['add', 'c', '--instance', 'i-0123456789abcdef2'], 1, /config\.toml:1 .*\[DA_CONFIG_EDIT\]/],
    [['remove', 'betta'], 2, /did you mean beta\?/],
    [['list', '--unreachable'], 2, /--live/],
  ];
  const before = readFileSync(config(), 'utf8');
  for (const [args, code, message] of cases) {
    expect(await hosts(...args)).toMatchObject({
      code,
      stderr: expect.stringMatching(message) as string,
    });
  }
  expect(readFileSync(config(), 'utf8')).toBe(before);
});
