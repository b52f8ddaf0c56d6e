import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withFleet } from '../../../src/config/fleet-edit.ts';
import {
  readHostFlags,
  withFixedHost,
  withoutFixedHosts,
} from '../../../src/config/fixed-host-edit.ts';
import { TomlEditError, withTable, withoutTable } from '../../../src/config/toml-tables.ts';

const REST =
  '# mine\nx = 1 # one\n\n[fleets.a] # the fleet\nprofile = "a"\n\n# below\n[session]\npace = "off"\n';
const HOST = '[hosts.nas]\ninstance = "mi-00000000000000007"\nport = 2022\n';
/** Without what would belong to a table above it. */
const TABLES = REST.slice(REST.indexOf('[fleets'));
const VALUES = { instance: 'mi-00000000000000007', port: 2022 };

describe('a table in a TOML text', () => {
  it.each([
    ['', HOST],
    ['x = 1', `x = 1\n\n${HOST}`],
    [REST, `${REST}\n${HOST}`],
    ['# only a comment\n\n', `# only a comment\n\n${HOST}`],
    ['\uFEFFx = 1\n', `\uFEFFx = 1\n\n${HOST}`],
    ['x = 1\r\n', `x = 1\r\n\r\n${HOST}`.replaceAll(/\r?\n/g, '\r\n')],
  ])('comes at the end of %j', (before, after) => {
    expect(withTable(before, 'hosts', 'nas', VALUES)).toBe(after);
  });

  it('goes, from wherever it is, and nothing but what set it off', () => {
    const other = '[hosts.b]\naddress = "b" # it\n';
    for (const [text, rest] of [
      [`${REST}\n${HOST}`, REST],
      [`${HOST}\n${TABLES}`, TABLES],
      [`${REST}\n${HOST}\n${other}`, `${REST}\n${other}`],
      [`${REST}\n# above\n${HOST}${other}`, `${REST}\n# above\n${other}`],
      [`[hosts.nas]\n# within\ninstance = "i-01234567"\n# behind\n${other}`, `# behind\n${other}`],
      [`[hosts]\nnas.instance = "i-01234567"\nb.address = "b"\n`, `[hosts]\nb.address = "b"\n`],
      [`[hosts]\nnas = { instance = "i-01234567", port = 1 }\n\n${TABLES}`, `[hosts]\n\n${TABLES}`],
      [HOST, ''],
      [`${HOST}\n${TABLES}`.replaceAll('\n', '\r\n'), TABLES.replaceAll('\n', '\r\n')],
    ] as const) {
      expect(withoutTable(text, 'hosts', 'nas')).toBe(rest);
    }
  });

  it('is replaced where it is', () => {
    expect(withTable(`${HOST}\n${TABLES}`, 'hosts', 'nas', { address: 'x' })).toBe(
      `[hosts.nas]\naddress = "x"\n\n${TABLES}`,
    );
  });

  it('is left to the person where lines cannot tell it from others', () => {
    const inline = 'hosts = { nas = { instance = "i-01234567" }, b = { address = "b" } }\n';
    expect(() => withoutTable(inline, 'hosts', 'nas')).toThrow(TomlEditError);
    expect(() => withTable(inline, 'hosts', 'c', VALUES)).toThrow(TomlEditError);
    const torn = '[hosts.nas]\nport = 1\n[x]\n[hosts.nas.y]\n';
    expect(() => withoutTable(torn, 'hosts', 'nas')).toThrow(TomlEditError);
  });

  it('leaves no trace once it has come and gone, whatever is around it', () => {
    const line = fc.constantFrom(
      '',
      '# comment',
      '[hosts.b]',
      'port = 2',
      '[[users]]',
      'user = "x"',
      'text = """\n[hosts.nas]\n"""',
      "path = 'C:\\x'",
      '[fleets."a b"]',
      'list = [\n  1, # one\n]',
    );
    const text = fc
      .array(line, { maxLength: 12 })
      .map((lines) => lines.map((each) => `${each}\n`).join(''))
      .filter((lines) => isToml(lines) && !lines.endsWith('\n\n') && !lines.startsWith('\n'));
    fc.assert(
      fc.property(text, fc.string({ unit: 'grapheme', maxLength: 20 }), (before, user) => {
        const after = withTable(before, 'hosts', 'nas', { user });
        expect(withoutTable(after, 'hosts', 'nas')).toBe(before);
        expect(withTable(after, 'hosts', 'nas', { user })).toBe(after);
      }),
    );
  });
});

function isToml(text: string): boolean {
  try {
    withoutTable(text, 'hosts', 'none');
    return true;
  } catch {
    return false;
  }
}

it('changes the keys of a fleet that are given, and keeps the others and its rules', () => {
  const text =
    '# top\n[fleets.a]\nprofile = "a"\nregion = "eu-west-1"\nprefix = "x-"\n[[fleets.a.users]]\nuser = "u"\n\n# end\n';
  const changed = withFleet(text, 'a', { profile: 'b', region: undefined, regions: ['r'] });
  expect(changed).toBe(
    '# top\n[fleets.a]\nprofile = "b"\nprefix = "x-"\nregions = [ "r" ]\n[[fleets.a.users]]\nuser = "u"\n\n# end\n',
  );
  expect(withFleet(changed, 'a', { profile: 'b', regions: ['r'] })).toBe(changed);
});

describe('a fixed host', () => {
  it('is added once, and not in the place of another', () => {
    const text = withFixedHost(REST, 'nas', VALUES, false);
    expect(withFixedHost(text, 'nas', VALUES, false)).toBe(text);
    const other = { address: '10.0.0.1', via: 'bastion' };
    expect(() => withFixedHost(text, 'nas', other, false)).toThrow("a fixed host 'nas' already");
    expect(() => withFixedHost(text, 'NAS', other, true)).toThrow("a fixed host 'nas' already");
    expect(withFixedHost(text, 'nas', other, true)).toContain('address = "10.0.0.1"');
    expect(withoutFixedHosts(text, ['nas', 'toString', 'b'])).toBe(REST);
  });

  it.each([
    ['i-01234567', { instance: 'i-01234567' }, 'is not a name for a server'],
    ['a b', { instance: 'i-01234567' }, 'is not a name for a server'],
    ['nas', {}, 'nas: says not where it is'],
    ['nas', { instance: 'nas' }, '--instance: "nas" is not an instance id'],
    ['nas', { instance: 'i-01234567', port: 0 }, '--port: 0 is not a port'],
    ['nas', { address: 'a;b', via: 'x' }, '--address: '],
    ['nas', { instance: 'i-01234567', 'identity-file': 'key"' }, '--identity-file: '],
  ])('%s with %j is refused', (name, values, message) => {
    expect(() => readHostFlags(name, values)).toThrow(message);
  });
});
