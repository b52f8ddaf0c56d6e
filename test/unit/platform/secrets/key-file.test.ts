import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  keyFileText,
  newKeyFile,
  openKeyFile,
  parseKeyFile,
  SCRYPT_COST,
  sealSecret,
  unsealSecret,
} from '../../../../src/platform/secrets/key-file.ts';
import type { KeyFile } from '../../../../src/platform/secrets/key-file.ts';
import { CHEAP_SCRYPT } from './cheap-scrypt.ts';

const PASSPHRASE = 'correct horse battery';
const SECRET = '{"secretAccessKey":"SEKRIT"}';
let file: KeyFile;
let key: Buffer;
let text: string;

beforeAll(async () => {
  const made = await newKeyFile(PASSPHRASE, CHEAP_SCRYPT);
  key = made.key;
  const keys = new Map([
    ['one/AKIA1/00', sealSecret(key, made.file.kdf, 'one/AKIA1/00', SECRET)],
    ['two/AKIA2/00', sealSecret(key, made.file.kdf, 'two/AKIA2/00', 'other')],
  ]);
  file = { ...made.file, keys };
  text = keyFileText(file);
});

const parse = (changed: string) => parseKeyFile(changed, '/keys.json');
/** A text that is whole by its own word: whoever changes a file can do the sum, too. */
const rewritten = (changes: Partial<KeyFile>): KeyFile =>
  parse(keyFileText({ ...file, ...changes }));

describe('the encrypted file', () => {
  it('gives back what was put in, with the passphrase alone', async () => {
    const read = parse(text);
    const opened = await openKeyFile(read, PASSPHRASE);
    expect(opened).toEqual(key);
    expect(unsealSecret(opened!, read.kdf, 'one/AKIA1/00', read.keys.get('one/AKIA1/00')!)).toBe(
      SECRET,
    );
    expect(await openKeyFile(read, `${PASSPHRASE} `)).toBeUndefined();
    expect(text).not.toContain('SEKRIT');
  });

  it('takes letters for the same however the keyboard composes them', async () => {
    const composed = await newKeyFile('caf\u00e9 au lait', CHEAP_SCRYPT);
    expect(await openKeyFile(composed.file, 'cafe\u0301 au lait')).toEqual(composed.key);
  });

  it('asks for as much work as is recommended today', () => {
    expect(SCRYPT_COST.N).toBeGreaterThanOrEqual(2 ** 17);
    expect(SCRYPT_COST).toMatchObject({ r: 8, p: 1 });
  });

  it('seals the same twice into different bytes', () => {
    const seal = () => sealSecret(key, file.kdf, 'x', SECRET);
    expect(seal()).not.toBe(seal());
  });

  it('opens no seal under another name, or from a file with another salt', async () => {
    const sealed = file.keys.get('one/AKIA1/00')!;
    const swapped = rewritten({ keys: new Map([['two/AKIA2/00', sealed]]) });
    expect(unsealSecret(key, swapped.kdf, 'two/AKIA2/00', sealed)).toBeUndefined();
    const other = await newKeyFile(PASSPHRASE, CHEAP_SCRYPT);
    expect(unsealSecret(key, other.file.kdf, 'one/AKIA1/00', sealed)).toBeUndefined();
  });

  it('does not let anybody put a cheaper key derivation in front of a secret', async () => {
    const cheaper = rewritten({ kdf: { ...file.kdf, r: 16 } });
    expect(await openKeyFile(cheaper, PASSPHRASE)).toBeUndefined();
    expect(unsealSecret(key, cheaper.kdf, 'one/AKIA1/00', file.keys.get('one/AKIA1/00')!)).toBe(
      undefined,
    );
  });

  it.each([
    ['next to no work', { N: 2 ** 10, r: 8, p: 1 }],
    ['all memory', { N: 2 ** 26, r: 8, p: 1 }],
    ['all time', { N: 2 ** 14, r: 8, p: 2 ** 20 }],
    ['no power of two', { N: 20_000, r: 8, p: 1 }],
    ['fractions', { N: 2 ** 14, r: 8.5, p: 1 }],
  ])('refuses a file that asks for %s', (_what, cost) => {
    expect(() => rewritten({ kdf: { ...file.kdf, ...cost } })).toThrow(/damaged/);
  });

  it('refuses every text that is not whole, and says so', () => {
    for (let length = 0; length < text.length - 1; length += 7) {
      expect(() => parse(text.slice(0, length))).toThrow(
        expect.objectContaining({ code: 'DA_KEY_FILE_DAMAGED' }) as Error,
      );
    }
  });

  it('takes no flipped bit for a wrong passphrase', () => {
    const bytes = Buffer.from(text, 'latin1');
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const flipped = Buffer.from(bytes);
        flipped[at] = bytes[at]! ^ (1 << bit);
        try {
          // What JSON does not tell apart, such as blanks between values, may differ.
          expect(keyFileText(parse(flipped.toString('latin1')))).toBe(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'DA_KEY_FILE_DAMAGED' });
        }
      }),
    );
  });

  it.each(['', '[]', 'null', '{}', '"x"', '{"format":"devaccess-keys","version":1}'])(
    'refuses %j',
    (other) => {
      expect(() => parse(other)).toThrow(/damaged; it is left as it is/);
    },
  );

  it('knows a file of a newer version', () => {
    expect(() => parse('{"format":"devaccess-keys","version":2}')).toThrow(/newer devaccess/);
  });
});
