import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  givenPassphrase,
  hasGivenPassphrase,
} from '../../../../src/platform/secrets/passphrase.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-passphrase-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function file(text: string | Buffer, mode = 0o600): string {
  const path = join(home, 'passphrase');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}
const fromFile = (path: string) => givenPassphrase({ HOME: home, DEVACCESS_PASSPHRASE_FILE: path });
const fromCommand = (command: string) =>
  givenPassphrase({ PATH: process.env['PATH'], DEVACCESS_PASSPHRASE_COMMAND: command });
const refused = (text: string): Error =>
  expect.objectContaining({
    code: 'DA_PASSPHRASE_SOURCE',
    message: expect.stringContaining(text) as string,
  }) as Error;

describe('a passphrase that nobody types', () => {
  it('is the first line of a file', async () => {
    expect(await fromFile(file('correct horse\r\nnot this\n'))).toBe('correct horse');
    expect(await fromFile('~/passphrase')).toBe('correct horse');
    expect(await fromFile(file(' blanks are a part of it '))).toBe(' blanks are a part of it ');
  });

  it('is the first line that a command prints', async () => {
    expect(await fromCommand('printf "correct horse\\nmore\\n"')).toBe('correct horse');
  });

  it('comes from the file where both are named, and from neither where none is', async () => {
    const env = {
      DEVACCESS_PASSPHRASE_FILE: file('of the file'),
      DEVACCESS_PASSPHRASE_COMMAND: 'false',
    };
    expect(await givenPassphrase(env)).toBe('of the file');
    const none = { DEVACCESS_PASSPHRASE_FILE: '' };
    expect([hasGivenPassphrase(none), await givenPassphrase(none)]).toEqual([false, undefined]);
  });

  it.each([0o640, 0o604, 0o622])('is not read from a file of mode %o', async (mode) => {
    await expect(fromFile(file('x', mode))).rejects.toThrow(refused('Others can read or change'));
  });

  it.each([
    ['an empty file', ''],
    ['an empty line', '\ncorrect horse\n'],
    ['far too much', 'x'.repeat(5000)],
  ])('is not %s', async (_what, text) => {
    await expect(fromFile(file(text))).rejects.toThrow(refused('gives no passphrase'));
  });

  it('is an error where the file or the command fails, without its output', async () => {
    await expect(fromFile(join(home, 'nowhere'))).rejects.toThrow(refused('Cannot read'));
    await expect(fromFile(home)).rejects.toThrow(refused('Cannot read'));
    const failed = fromCommand('echo SEKRIT; exit 1');
    await expect(failed).rejects.toThrow(refused('failed'));
    await expect(failed).rejects.not.toThrow('SEKRIT');
    await expect(fromCommand('true')).rejects.toThrow(refused('gives no passphrase'));
    await expect(fromCommand('yes | head -c 100000')).rejects.toThrow(refused('no passphrase'));
  });
});
