import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTrustedFile } from '../../../src/platform/trusted-file.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'devaccess-trusted-')));
  path = join(folder, 'file');
  writeFileSync(path, 'text', { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (name = path) => readTrustedFile(name, { maxBytes: 100 })?.text;
const refusal = (message: RegExp, code = 'DA_FILE_UNTRUSTED') =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error;

describe('a file that only its owner can have written', () => {
  it('is read; there may be none', () => {
    expect(read()).toBe('text');
    expect(read(join(folder, 'none'))).toBeUndefined();
  });

  it('is no link, wherever it leads', () => {
    const link = join(folder, 'link');
    symlinkSync(path, link);
    expect(() => read(link)).toThrow(refusal(/symbolic link/));
  });

  it('is no pipe, which nobody waits for', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(() => read(pipe)).toThrow(refusal(/no regular file/));
  });

  it('is no folder', () => {
    expect(() => read(folder)).toThrow(refusal(/no regular file/));
  });

  it.each([0o620, 0o602])('may not be written by others: mode %o', (mode) => {
    chmodSync(path, mode);
    expect(() => read()).toThrow(refusal(/others may write to it/));
  });

  it('lies in no folder where others may put another in its place', () => {
    chmodSync(folder, 0o777);
    expect(() => read()).toThrow(refusal(/others may write in/));
    chmodSync(folder, 0o1777);
    expect(read()).toBe('text');
  });

  it('is of a size that it can have', () => {
    writeFileSync(path, 'x'.repeat(101));
    expect(() => read()).toThrow(refusal(/larger than 100/, 'DA_FILE_TOO_LARGE'));
  });

  describe.runIf(process.geteuid?.() === 0)('as root', () => {
    it('belongs to root', () => {
      chownSync(path, 1000, 1000);
      expect(() => read()).toThrow(refusal(/belongs to the user 1000/));
    });

    it('is not named by a way that others can turn', () => {
      const foreign = join(folder, 'foreign');
      mkdirSync(foreign);
      symlinkSync(folder, join(foreign, 'link'));
      chownSync(foreign, 1000, 1000);
      expect(() => read(join(foreign, 'link', 'file'))).toThrow(refusal(/foreign belongs to/));
    });
  });
});
