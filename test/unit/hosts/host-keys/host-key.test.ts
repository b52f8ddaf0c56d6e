import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fingerprint,
  isKnownType,
  parseHostKey,
  sortedKeys,
} from '../../../../src/hosts/host-keys/host-key.ts';
import type { HostKey } from '../../../../src/hosts/host-keys/host-key.ts';
import { ecdsa, ed25519, keyOf, rsa } from './keys.ts';

const RSA = rsa(2048);
const GOOD: HostKey[] = [ed25519(1), RSA, ecdsa(), ecdsa('nistp384'), ecdsa('nistp521')];

const parse = ({ type, base64 }: HostKey): HostKey | undefined => parseHostKey(type, base64);

describe('a host key', () => {
  it.each(GOOD)('of type $type is taken', (key) => {
    expect(parse(key)).toEqual(key);
    expect(isKnownType(key.type)).toBe(true);
  });

  it('has the fingerprint that ssh-keygen shows', () => {
    for (const key of [ed25519(9), RSA]) {
      const { stdout } = spawnSync('ssh-keygen', ['-l', '-f', '-'], {
        input: `${key.type} ${key.base64}\n`,
        encoding: 'utf8',
      });
      expect(stdout.split(' ')[1]).toBe(fingerprint(key));
    }
  });

  const { base64 } = ed25519(1);
  const bad: [string, HostKey][] = [
    ['another type than it says', { type: 'ssh-rsa', base64 }],
    ['an unknown type', keyOf('ssh-dss', Buffer.alloc(20, 1))],
    ['a certificate', keyOf('ssh-ed25519-cert-v01@openssh.com', Buffer.alloc(32, 1))],
    ['too short', keyOf('ssh-ed25519', Buffer.alloc(31, 1))],
    ['a field too many', keyOf('ssh-ed25519', Buffer.alloc(32, 1), 'x')],
    ['no field', keyOf('ssh-ed25519')],
    ['bytes behind it', { type: 'ssh-ed25519', base64: `${base64.slice(0, -4)}AAAAAA==` }],
    [
      'base64 without its padding',
      { type: 'ssh-rsa', base64: RSA.base64.replace(/=+$/, '') + 'A' },
    ],
    ['base64 of another alphabet', { type: 'ssh-ed25519', base64: base64.replace('/', '_') + '_' }],
    ['a line break in it', { type: 'ssh-ed25519', base64: `${base64}\nx` }],
    ['another curve', keyOf('ecdsa-sha2-nistp256', 'nistp384', Buffer.alloc(65, 4))],
    ['a compressed point', keyOf('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(33, 2))],
    ['a point of another form', keyOf('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(65, 2))],
    ['RSA of few bits', keyOf('ssh-rsa', Buffer.of(1, 0, 1), Buffer.alloc(64, 0x7f))],
    ['RSA of too many bits', keyOf('ssh-rsa', Buffer.of(1, 0, 1), Buffer.alloc(2049, 0x7f))],
    ['a negative modulus', keyOf('ssh-rsa', Buffer.of(1, 0, 1), Buffer.alloc(256, 0xff))],
    ['a modulus with leading zeros', keyOf('ssh-rsa', Buffer.of(1, 0, 1), Buffer.alloc(257, 0))],
    ['an even exponent', keyOf('ssh-rsa', Buffer.of(2), Buffer.alloc(256, 0x7f))],
  ];
  it.each(bad)('is not taken: %s', (_what, key) => {
    expect(parse(key)).toBeUndefined();
  });

  it('is never taken unless it is one spelled the only way it can be', () => {
    const mutated = fc
      .tuple(fc.constantFrom(...GOOD), fc.nat(), fc.integer({ min: 1, max: 255 }))
      .map(([{ type, base64: text }, at, by]): HostKey => {
        const blob = Buffer.from(text, 'base64');
        const index = at % blob.length;
        blob[index] = (blob[index] ?? 0) ^ by;
        return { type, base64: blob.toString('base64') };
      });
    const anything = fc.record({
      type: fc.oneof(fc.constantFrom(...GOOD.map(({ type }) => type)), fc.string()),
      base64: fc.oneof(fc.base64String(), fc.string()),
    });
    fc.assert(
      fc.property(fc.oneof(mutated, anything), (key) => {
        const parsed = parse(key);
        if (parsed === undefined) return;
        expect(parsed).toEqual(key);
        expect(key.base64).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
        expect(Buffer.from(key.base64, 'base64').toString('base64')).toBe(key.base64);
        expect(Buffer.from(key.base64, 'base64').toString('latin1', 4)).toContain(key.type);
        expect(key.base64.length).toBeLessThanOrEqual(2_900);
      }),
      { numRuns: 1000 },
    );
  });

  it('comes in one order, and once', () => {
    const keys = [ed25519(2), ecdsa(), ed25519(1)];
    expect(sortedKeys([...keys, ed25519(2)])).toEqual(sortedKeys(keys.reverse()));
    expect(sortedKeys(keys)).toHaveLength(3);
  });
});
