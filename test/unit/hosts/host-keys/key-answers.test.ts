import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOwnKeys, readScannedKeys } from '../../../../src/hosts/host-keys/key-answers.ts';
import { parseHostKey } from '../../../../src/hosts/host-keys/host-key.ts';
import { FIRST_LINE, LAST_LINE, scanScript } from '../../../../src/hosts/host-keys/key-scripts.ts';
import { DevaccessError } from '../../../../src/platform/errors.ts';
import { anyText, ecdsa, ed25519, keyOf } from './keys.ts';

const own = (...lines: string[]): string => [FIRST_LINE, ...lines, LAST_LINE, ''].join('\n');
const line = ({ type, base64 } = ed25519(1)): string => `key ${type} ${base64}`;

function codeOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return error instanceof DevaccessError ? error.code : `no error for a person: ${String(error)}`;
  }
}

describe('what a node says of its own keys', () => {
  const dss = keyOf('ssh-dss', Buffer.alloc(20, 1));

  it('is keys, each once, without types that OpenSSH does not take', () => {
    const text = own(line(ed25519(1)), line(ecdsa()), line(ed25519(1)), line(dss));
    expect(readOwnKeys(text, 'web')).toEqual([ecdsa(), ed25519(1)]);
    expect(readOwnKeys(text.replaceAll('\n', '\r\n'), 'web')).toHaveLength(2);
    expect(readOwnKeys(`a profile says hello\n${text}and good-bye`, 'web')).toHaveLength(2);
  });

  it.each([
    ['nothing', '', 'DA_HOST_KEYS_INVALID'],
    ['no end', own(line()).replace(LAST_LINE, '--output truncated--'), 'DA_HOST_KEYS_INVALID'],
    ['no keys', own(), 'DA_HOST_KEYS_NONE'],
    ['none that is taken', own(line(dss)), 'DA_HOST_KEYS_NONE'],
    ['a comment', own(`${line()} root@web`), 'DA_HOST_KEYS_INVALID'],
    ['another word', own(line().replace('key', 'keys')), 'DA_HOST_KEYS_INVALID'],
    ['a broken key beside a good one', own(line(), `${line()}AAAA`), 'DA_HOST_KEYS_INVALID'],
    ['a name of a strange type', own('key *,!x AAAA'), 'DA_HOST_KEYS_INVALID'],
    ['an authority', own('key @cert-authority AAAA'), 'DA_HOST_KEYS_INVALID'],
    [
      'too many',
      own(...Array.from({ length: 17 }, (_, n) => line(ed25519(n)))),
      'DA_HOST_KEYS_INVALID',
    ],
    ['an escape sequence', own('\u001b[2J'), 'DA_HOST_KEYS_INVALID'],
  ])('is refused: %s', (_what, text, code) => {
    expect(codeOf(() => readOwnKeys(text, 'web'))).toBe(code);
  });

  it('is refused or is keys, whatever it is', () => {
    const piece = fc.oneof(
      fc.constantFrom(FIRST_LINE, LAST_LINE, line(), 'key ssh-rsa AAAA', '', ' ', '\r', 'key', '#'),
      fc.string(),
      anyText,
    );
    const text = fc.array(piece).map((pieces) => pieces.join('\n'));
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          text.map((inner) => own(inner)),
        ),
        (hostile) => {
          let keys;
          try {
            keys = readOwnKeys(hostile, 'web');
          } catch (error) {
            if (!(error instanceof DevaccessError)) throw error;
            return;
          }
          for (const key of keys) expect(parseHostKey(key.type, key.base64)).toEqual(key);
          expect(keys.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('what a bastion says of the servers behind it', () => {
  const asked = { addresses: ['10.0.0.1', 'fd00::1'], port: 22, who: 'bastion i-1' };
  const scanned = (name: string, { type, base64 } = ed25519(1)): string =>
    `${name} ${type} ${base64}`;

  it('is keys by the address that was asked, as ssh-keyscan names it', () => {
    const text = own(
      scanned('10.0.0.1'),
      scanned('fd00::1', ecdsa()),
      scanned('10.0.0.1', ecdsa()),
    );
    expect(readScannedKeys(text, asked)).toEqual(
      new Map([
        ['10.0.0.1', [ecdsa(), ed25519(1)]],
        ['fd00::1', [ecdsa()]],
      ]),
    );
    const other = own(scanned('[10.0.0.1]:2222'), scanned('[fd00::1]:2222'));
    expect(readScannedKeys(other, { ...asked, port: 2222 })?.size).toBe(2);
    expect(readScannedKeys(own(), asked)?.size).toBe(0);
  });

  it('is asked for anew where not all of it was shown', () => {
    expect(readScannedKeys(`${FIRST_LINE}\n${scanned('10.0.0.1')}`, asked)).toBeUndefined();
  });

  it('is refused where it is about what nobody asked', () => {
    expect(codeOf(() => readScannedKeys(own(scanned('10.0.0.2')), asked))).toBe(
      'DA_HOST_KEYS_INVALID',
    );
    expect(codeOf(() => readScannedKeys(own(scanned('10.0.0.1,x')), asked))).toBe(
      'DA_HOST_KEYS_INVALID',
    );
  });

  it('does not fail one server for another', () => {
    const text = own('10.0.0.1 ssh-ed25519 AAAA', scanned('fd00::1'));
    const found = readScannedKeys(text, asked);
    expect(found?.get('10.0.0.1')).toMatchObject({ code: 'DA_HOST_KEYS_INVALID' });
    expect(found?.get('fd00::1')).toEqual([ed25519(1)]);
  });

  it('is asked for with nothing but addresses and a port', () => {
    for (const address of [
      '-oProxyCommand=id',
      '10.0.0.1;id',
      '10.0.0.1 x',
      'host',
      'fe80::1%eth0',
      '$(id)',
      '',
    ]) {
      expect(() => scanScript(['10.0.0.1', address], 22)).toThrow('not addresses and a port');
    }
    for (const port of [0, 65_536, 1.5, Number.NaN]) {
      expect(() => scanScript(['10.0.0.1'], port)).toThrow('not addresses and a port');
    }
  });
});
