import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseName } from '../../../src/hosts/alias-name.ts';
import { assignAliases } from '../../../src/hosts/aliases.ts';
import type { KeptHost } from '../../../src/hosts/aliases.ts';

const id = (digits: string): string => `i-${digits.padStart(17, '0')}`;

describe('normaliseName', () => {
  it.each([
    ['Web Server 1', 'web-server-1'],
    ['café', 'cafe'],
    ['ﬁle', 'file'],
    ['-oProxyCommand=evil', 'oproxycommand-evil'],
    ['a*?!b"c#d=e%f\ng', 'a-b-c-d-e-f-g'],
    ['..--x--..', 'x'],
    ['x.y_z', 'x.y_z'],
    ['日本', undefined],
    ['', undefined],
    ['i-0123456789abcdef0', undefined],
    ['MI-0123456789abcdef0', undefined],
    // People write `Host i-*` for ids.
    ['i-robot', undefined],
    ['mi casa', undefined],
    ['10.0.0.1', undefined],
    ['42', undefined],
    ['localhost', undefined],
    // ssh would jump through no host at all.
    ['None', undefined],
    ['x'.repeat(80), 'x'.repeat(63)],
    [`${'x'.repeat(62)}-y`, 'x'.repeat(62)],
  ])('%j becomes %j', (name, alias) => {
    expect(normaliseName(name)).toBe(alias);
  });
});

describe('assignAliases', () => {
  const assign = (
    names: Record<string, string | undefined>,
    { reserved = [] as string[], kept = [] as KeptHost[], keepsCase = false } = {},
  ) =>
    Object.fromEntries(
      assignAliases(
        Object.entries(names).map(([instanceId, name = '']) => ({
          instanceId,
          wanted: normaliseName(name, { keepsCase }),
        })),
        { reserved: new Set(reserved), kept },
      ),
    );

  it('gives every member of a group the end of its id', () => {
    expect(assign({ [id('abc123')]: 'web', [id('abc456')]: 'WEB', [id('1')]: 'db' })).toEqual({
      [id('abc123')]: 'web-abc123',
      [id('abc456')]: 'web-abc456',
      [id('1')]: 'db',
    });
  });

  it('takes more of the id where six digits are the same', () => {
    expect(assign({ [id('1abc123')]: 'web', [id('2abc123')]: 'web' })).toEqual({
      [id('1abc123')]: 'web-1abc123',
      [id('2abc123')]: 'web-2abc123',
    });
  });

  it('lets no name take the suffixed alias of another', () => {
    const aliases = assign({
      [id('abc123')]: 'web',
      [id('abc456')]: 'web',
      [id('1')]: 'web-abc123',
    });
    expect(new Set(Object.values(aliases)).size).toBe(3);
  });

  it('keeps away from names in use, and falls back to the id', () => {
    expect(assign({ [id('abc123')]: 'web', [id('2')]: undefined }, { reserved: ['web'] })).toEqual({
      [id('abc123')]: 'web-abc123',
      [id('2')]: id('2'),
    });
  });

  it('takes names that differ in case alone for one', () => {
    const names = { [id('abc123')]: 'Web', [id('abc456')]: 'web' };
    expect(assign(names, { keepsCase: true })).toEqual({
      [id('abc123')]: 'Web-abc123',
      [id('abc456')]: 'web-abc456',
    });
  });

  it('counts those of files that stay as members of their group', () => {
    const names = { [id('abc123')]: 'web' };
    const suffixed = { [id('abc123')]: 'web-abc123' };
    const kept = (alias: string, digits: string): KeptHost[] => [{ alias, instanceId: id(digits) }];
    expect(assign(names, { kept: kept('web', 'def456') })).toEqual(suffixed);
    expect(assign(names, { kept: kept('web-def456', 'def456') })).toEqual(suffixed);
    // Another server's end of the id is a part of a name.
    expect(assign(names, { kept: kept('web-def456', 'aaaaaa') })).toEqual(names);
    expect(assign(names, { kept: kept('web', 'abc123') })).toEqual(names);
  });

  it('is unique, safe and independent of the order, whatever the names', () => {
    const servers = fc.uniqueArray(
      fc.record({
        instanceId: fc.stringMatching(/^i-[0-9a-f]{17}$/),
        wanted: fc.option(
          fc
            .oneof(fc.string({ unit: 'binary' }), fc.constantFrom('web', 'Web', 'web-00000a'))
            .map((name) => normaliseName(name)),
          { nil: undefined },
        ),
      }),
      { selector: ({ instanceId }) => instanceId, maxLength: 12 },
    );
    fc.assert(
      fc.property(servers, (list) => {
        const taken = { reserved: new Set(['web']), kept: [] };
        const aliases = assignAliases(list, taken);
        expect(new Set(aliases.values()).size).toBe(list.length);
        for (const alias of aliases.values()) expect(alias).toMatch(/^[a-z0-9_][a-z0-9._-]{0,62}$/);
        const reversed = assignAliases(list.toReversed(), taken);
        for (const [key, alias] of aliases) expect(reversed.get(key)).toBe(alias);
      }),
    );
  });
});
