import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { editFile, readTextFile } from '../../../src/platform/safe-file.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'devaccess-file-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const read = (name: string): string => fs.readFileSync(at(name), 'utf8');
const mode = (name: string): number => fs.statSync(at(name)).mode & 0o777;
const append = (line: string) => (text: string) => `${text}${line}\n`;
const failure = (code: string): Error => expect.objectContaining({ code }) as Error;
const isRoot = process.geteuid?.() === 0;

/** A file last written long ago, so that no foreign writer is suspected. */
function write(name: string, text: string, permissions = 0o600): void {
  fs.writeFileSync(at(name), text);
  fs.chmodSync(at(name), permissions);
  fs.utimesSync(at(name), 1, 1);
}

describe('editFile', () => {
  it('creates a file 0600 in a folder 0700', async () => {
    const result = await editFile(at('new/f'), append('x'));
    expect(result).toEqual({ path: at('new/f'), outcome: 'created', tightenedFrom: undefined });
    expect(read('new/f')).toBe('x\n');
    expect([mode('new'), mode('new/f')]).toEqual([0o700, 0o600]);
    expect(fs.readdirSync(at('new'))).toEqual(['f']);
  });

  it('replaces by rename: whoever has the file open keeps the old text', async () => {
    write('f', 'old\n');
    const descriptor = fs.openSync(at('f'), 'r');
    await editFile(at('f'), () => 'new\n');
    expect(fs.readFileSync(descriptor, 'utf8')).toBe('old\n');
    fs.closeSync(descriptor);
    expect(read('f')).toBe('new\n');
  });

  it('does not touch a file that is as wanted', async () => {
    write('f', 'x\n', 0o644);
    const before = fs.statSync(at('f'));
    expect((await editFile(at('f'), (text) => text)).outcome).toBe('unchanged');
    const { ino, mtimeMs, ctimeMs } = fs.statSync(at('f'));
    expect({ ino, mtimeMs, ctimeMs }).toEqual({
      ino: before.ino,
      mtimeMs: before.mtimeMs,
      ctimeMs: before.ctimeMs,
    });
  });

  it.each([
    [0o644, undefined, 0o600, 0o644],
    [0o600, undefined, 0o600, undefined],
    [0o400, undefined, 0o400, undefined],
    [0o644, 'keep' as const, 0o644, undefined],
  ])('turns mode %o with %s into %o', async (before, option, after, tightenedFrom) => {
    write('f', '', before);
    const options = option === undefined ? {} : { mode: option };
    expect((await editFile(at('f'), append('x'), options)).tightenedFrom).toBe(tightenedFrom);
    expect(mode('f')).toBe(after);
  });

  it('merges with what a foreign program wrote meanwhile', async () => {
    write('f', 'a\n');
    let intrusions = 0;
    const beforeReplace = (): void => {
      intrusions += 1;
      if (intrusions <= 3) fs.appendFileSync(at('f'), `foreign ${intrusions}\n`);
    };
    await editFile(at('f'), append('ours'), { beforeReplace });
    expect(read('f')).toBe('a\nforeign 1\nforeign 2\nforeign 3\nours\n');
  });

  it('notices a change that leaves size and time as they were', async () => {
    write('f', 'a1\n');
    let isFirst = true;
    const beforeReplace = (): void => {
      if (isFirst) write('f', 'a2\n');
      isFirst = false;
    };
    await editFile(at('f'), append('ours'), { beforeReplace });
    expect(read('f')).toBe('a2\nours\n');
  });

  it('gives up after five tries and leaves the foreign text', async () => {
    write('f', '0\n');
    let tries = 0;
    const beforeReplace = (): void => fs.writeFileSync(at('f'), `${(tries += 1)}\n`);
    await expect(editFile(at('f'), append('ours'), { beforeReplace })).rejects.toThrow(
      failure('DA_FILE_BUSY'),
    );
    expect([tries, read('f')]).toEqual([5, '5\n']);
    expect(fs.readdirSync(folder)).toEqual(['f']);
  });

  it('waits for a foreign program that has truncated the file', async () => {
    write('f', 'good\n');
    let isTruncated = false;
    const edit = (text: string): string => {
      // After the first look, which is outside the lock, a writer empties the file and, later,
      // completes it.
      if (!isTruncated) {
        fs.writeFileSync(at('f'), '');
        setImmediate(() => fs.writeFileSync(at('f'), 'whole\n'));
      }
      isTruncated = true;
      return append('ours')(text);
    };
    await editFile(at('f'), edit);
    expect(read('f')).toBe('whole\nours\n');
  });

  it('cleans up when the edit or the write fails', async () => {
    write('f', 'x\n');
    const boom = (): string => {
      throw new Error('boom');
    };
    await expect(editFile(at('f'), boom)).rejects.toThrow('boom');
    const beforeReplace = (): void => boom() as never;
    await expect(editFile(at('f'), append('y'), { beforeReplace })).rejects.toThrow('boom');
    expect([read('f'), fs.readdirSync(folder)]).toEqual(['x\n', ['f']]);
  });

  it('refuses a file that is not UTF-8, unless bytes are wanted', async () => {
    fs.writeFileSync(at('f'), Buffer.from('caf\xe9\n', 'latin1'));
    await expect(editFile(at('f'), append('x'))).rejects.toThrow(failure('DA_FILE_ENCODING'));
    await editFile(at('f'), append('x'), { encoding: 'binary' });
    expect(fs.readFileSync(at('f')).toString('latin1')).toBe('caf\xe9\nx\n');
  });

  it.skipIf(isRoot)('explains a folder it may not write in', async () => {
    write('f', 'x\n');
    fs.chmodSync(folder, 0o500);
    await expect(editFile(at('f'), append('y'))).rejects.toThrow(failure('DA_FILE_NOT_WRITABLE'));
    fs.chmodSync(folder, 0o700);
  });

  it.runIf(isRoot)('keeps the owner when root writes for another', async () => {
    write('f', 'x\n');
    fs.chownSync(at('f'), 1234, 1235);
    await editFile(at('f'), append('y'));
    expect(fs.statSync(at('f'))).toMatchObject({ uid: 1234, gid: 1235 });
  });

  it.runIf(isRoot)("gives what root makes to the folder's owner", async () => {
    fs.chownSync(folder, 1234, 1235);
    await editFile(at('new/er/f'), append('y'));
    for (const made of ['new', 'new/er', 'new/er/f']) {
      expect(fs.statSync(at(made))).toMatchObject({ uid: 1234, gid: 1235 });
    }
  });

  it('names the lock that it cannot read', async () => {
    fs.mkdirSync(at('f.devaccess.lock'));
    await expect(editFile(at('f'), append('x'))).rejects.toThrow(
      `Cannot read ${at('f.devaccess.lock')}: it is a folder`,
    );
  });

  it('refuses folders and hard-linked files', async () => {
    await expect(editFile(folder, append('x'))).rejects.toThrow(/is a folder|not a regular file/);
    write('f', 'x\n');
    fs.linkSync(at('f'), at('g'));
    await expect(editFile(at('f'), append('y'))).rejects.toThrow(failure('DA_HARD_LINKED'));
  });
});

describe('editing through a symbolic link', () => {
  it('writes the target and keeps the link', async () => {
    fs.mkdirSync(at('real'));
    write('real/f', 'x\n');
    fs.symlinkSync('real/f', at('link'));
    expect((await editFile(at('link'), append('y'))).path).toBe(at('real/f'));
    expect(fs.lstatSync(at('link')).isSymbolicLink()).toBe(true);
    expect(read('real/f')).toBe('x\ny\n');
  });

  it.each<[string, () => void]>([
    ['dangling', () => fs.symlinkSync('nowhere', at('link'))],
    ['circular', () => fs.symlinkSync('link', at('link'))],
    ['leading to a folder', () => fs.symlinkSync(tmpdir(), at('link'))],
    [
      'through a folder others may write in',
      () => {
        fs.mkdirSync(at('open'));
        write('open/f', 'x\n');
        fs.chmodSync(at('open'), 0o777);
        fs.symlinkSync('open/f', at('link'));
      },
    ],
  ])('refuses one that is %s', async (_what, prepare) => {
    prepare();
    await expect(editFile(at('link'), append('y'))).rejects.toThrow(failure('DA_UNSAFE_LINK'));
  });

  it.runIf(isRoot)('refuses a target of another owner', async () => {
    write('f', 'x\n');
    fs.chownSync(at('f'), 1234, 1234);
    fs.symlinkSync('f', at('link'));
    const refused = editFile(at('link'), append('y'), { advice: 'do it yourself' });
    await expect(refused).rejects.toMatchObject({ code: 'DA_UNSAFE_LINK', next: 'do it yourself' });
    // A dotfiles manager may own a file that has all that is wanted.
    expect((await editFile(at('link'), (text) => text)).outcome).toBe('unchanged');
  });
});

describe('several processes', () => {
  /** A program that appends its argument to a file, and can kill itself before the rename. */
  async function editorProgram(): Promise<string> {
    const safeFile = fileURLToPath(new URL('../../../src/platform/safe-file.ts', import.meta.url));
    const contents = `
      import { editFile } from ${JSON.stringify(safeFile)};
      const [path, line, moment] = process.argv.slice(2);
      const beforeReplace = () => moment && process.kill(process.pid, moment);
      await editFile(path, (text) => text + line + '\\n', { beforeReplace });
    `;
    const outfile = at('editor.mjs');
    const stdin = { contents, resolveDir: folder };
    await build({ stdin, outfile, bundle: true, platform: 'node', format: 'esm' });
    return outfile;
  }

  const start = (...args: string[]): Promise<number | string | null> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, args, { stdio: 'inherit' });
      child.on('close', (code, signal) => resolve(code ?? signal));
    });

  it('loses no edit of any', async () => {
    const program = await editorProgram();
    fs.mkdirSync(at('d'));
    const lines = Array.from({ length: 16 }, (_, index) => `line ${index}`);
    const codes = await Promise.all(lines.map((line) => start(program, at('d/f'), line)));
    expect(codes).toEqual(lines.map(() => 0));
    expect(read('d/f').trim().split('\n').sort()).toEqual(lines.sort());
    expect(fs.readdirSync(at('d'))).toEqual(['f']);
  });

  it('takes over from one killed in the middle and cleans up behind it', async () => {
    const program = await editorProgram();
    fs.mkdirSync(at('d'));
    write('d/f', 'a\n');
    expect(await start(program, at('d/f'), 'lost', 'SIGKILL')).toBe('SIGKILL');
    expect(read('d/f')).toBe('a\n');
    expect(fs.readdirSync(at('d'))).toHaveLength(3);
    await editFile(at('d/f'), append('b'));
    expect(read('d/f')).toBe('a\nb\n');
    expect(fs.readdirSync(at('d'))).toEqual(['f']);
  });

  it('completes the write before Ctrl-C takes effect', async () => {
    const program = await editorProgram();
    fs.mkdirSync(at('d'));
    expect(await start(program, at('d/f'), 'x', 'SIGINT')).toBe('SIGINT');
    expect([read('d/f'), fs.readdirSync(at('d'))]).toEqual(['x\n', ['f']]);
  });

  it('takes over a lock whose process id now belongs to another process', async () => {
    const reused = { pid: process.pid, host: hostname(), startTicks: '1', token: 'x' };
    fs.writeFileSync(at('f.devaccess.lock'), JSON.stringify(reused));
    await editFile(at('f'), append('x'));
    expect(fs.readdirSync(folder)).toEqual(['f']);
  });
});

it('clears away a stale lock that a killed process had taken aside', async () => {
  const dead = JSON.stringify({ pid: process.pid, host: hostname(), startTicks: '1', token: 'x' });
  fs.writeFileSync(at('f.devaccess.lock.0123456789ab'), dead);
  fs.writeFileSync(at('f.devaccess.lock.saved-by-me'), dead);
  await editFile(at('f'), append('x'));
  expect(fs.readdirSync(folder).sort()).toEqual(['f', 'f.devaccess.lock.saved-by-me']);
});

describe('readTextFile', () => {
  it('tells a missing file from an unreadable one', () => {
    expect(readTextFile(at('none'))).toBeUndefined();
    expect(() => readTextFile(folder)).toThrow(failure('DA_FILE_NOT_READABLE'));
  });
});
