import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EncryptedFile, namesInKeyFile } from '../../../../src/platform/secrets/encrypted-file.ts';
import { CHEAP_SCRYPT } from './cheap-scrypt.ts';

const RIGHT = 'correct horse battery';
let folder: string;
let path: string;
/** What was asked for, in order. */
let asked: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'devaccess-keys-'));
  path = join(folder, 'keys.json');
  asked = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(...answers: string[]): EncryptedFile {
  const next = () => Promise.resolve(answers.shift() ?? RIGHT);
  const source = {
    tries: 3,
    present: (retry: boolean) => {
      asked.push(retry ? 'again' : 'present');
      return next();
    },
    chosen: () => {
      asked.push('chosen');
      return next();
    },
  };
  return new EncryptedFile(path, source, CHEAP_SCRYPT);
}

const text = (): string => readFileSync(path, 'utf8');
const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error;

describe('secrets in a file', () => {
  it('are there for the next process, and nobody else', async () => {
    await open().write('a/KEY/1', 'SEKRIT');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(text()).not.toContain('SEKRIT');
    const file = open();
    expect(await file.read('a/KEY/1')).toBe('SEKRIT');
    expect(await file.read('b/KEY/1')).toBeUndefined();
    expect(asked).toEqual(['chosen', 'present']);
  });

  it('are all kept when another process adds one', async () => {
    const [one, other] = [open(), open()];
    await one.write('a', '1');
    await other.write('b', '2');
    await one.write('c', '3');
    expect(await other.read('c')).toBe('3');
    expect(namesInKeyFile(path)).toEqual(['a', 'b', 'c']);
  });

  it('take a wrong passphrase twice, and not more', async () => {
    await open().write('a', '1');
    expect(await open('no', 'nor this').read('a')).toBe('1');
    expect(asked.slice(1)).toEqual(['present', 'again', 'again']);
    await expect(open('no', 'no', 'no').read('a')).rejects.toThrow(code('DA_PASSPHRASE_WRONG'));
  });

  it('are removed without a passphrase', async () => {
    await open().write('a', '1');
    await open().write('b', '2');
    asked = [];
    await open().remove('a');
    await open().remove('not there');
    expect(asked).toEqual([]);
    expect(await open().read('b')).toBe('2');
    expect(namesInKeyFile(path)).toEqual(['b']);
  });

  it('need no old passphrase once the last is gone', async () => {
    await open().write('a', '1');
    await open().remove('a');
    asked = [];
    await open('another passphrase').write('b', '2');
    expect(asked).toEqual(['chosen']);
    expect(await open('another passphrase').read('b')).toBe('2');
  });

  it.each([
    ['cut short', (whole: string) => whole.slice(0, -20)],
    ['empty', () => ''],
    ['of another program', () => '{"keys":{}}'],
  ])('stay as they are in a file that is %s', async (_what, damage) => {
    await open().write('a', '1');
    const damaged = damage(text());
    writeFileSync(path, damaged);
    for (const work of [
      () => open().read('a'),
      () => open().write('b', '2'),
      () => open().remove('a'),
      () => open().prepare(),
    ]) {
      await expect(work()).rejects.toThrow(code('DA_KEY_FILE_DAMAGED'));
    }
    expect(text()).toBe(damaged);
  });

  it('are not lost to a file that is damaged, or gone, while it is in use', async () => {
    const file = open();
    await file.write('a', '1');
    const whole = text();
    writeFileSync(path, whole.slice(1));
    await expect(file.write('b', '2')).rejects.toThrow(code('DA_KEY_FILE_DAMAGED'));
    rmSync(path);
    expect(await file.read('a')).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  it('are sealed anew under another passphrase, all of them', async () => {
    const file = open();
    await file.write('a', '1');
    await file.write('b', '2');
    const before = text();
    expect(await file.changePassphrase('another passphrase')).toBe(2);
    expect(await file.read('a')).toBe('1');
    expect(await open('another passphrase').read('b')).toBe('2');
    await expect(open(RIGHT, RIGHT, RIGHT).read('a')).rejects.toThrow(code('DA_PASSPHRASE_WRONG'));
    const salts = [before, text()].map((each) => (JSON.parse(each) as { kdf: object }).kdf);
    expect(salts[0]).not.toEqual(salts[1]);
  });

  it('are not written by a process that has the passphrase of before', async () => {
    const [old, changer] = [open(), open()];
    await old.write('a', '1');
    await changer.changePassphrase('another passphrase');
    await expect(old.write('b', '2')).rejects.toThrow(code('DA_FILE_BUSY'));
    await expect(old.read('a')).rejects.toThrow(code('DA_FILE_BUSY'));
    expect(await open('another passphrase').read('a')).toBe('1');
  });

  it('are not mixed by two processes that each make the file', async () => {
    const [one, other] = [open('first passphrase'), open('second passphrase')];
    await Promise.all([one.prepare(), other.prepare()]);
    await one.write('a', '1');
    await expect(other.write('b', '2')).rejects.toThrow(code('DA_FILE_BUSY'));
    expect(await open('first passphrase').read('a')).toBe('1');
  });
});
