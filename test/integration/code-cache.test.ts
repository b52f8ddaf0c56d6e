import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from './support/person.ts';

interface Loaded {
  exports: { answer: () => number };
  state: 'absent' | 'refused' | 'used';
  save: () => void;
}

const LOADER = fileURLToPath(new URL('../../bin/load-cached.cjs', import.meta.url));
const PROXY = fileURLToPath(new URL('../../bin/devaccess-proxy.js', import.meta.url));
const CLI = fileURLToPath(new URL('../../bin/devaccess.js', import.meta.url));
const { loadCached } = createRequire(import.meta.url)(LOADER) as {
  loadCached: (file: string, env: Record<string, string | undefined>) => Loaded;
};

const isRoot = process.geteuid?.() === 0;
let root: string;
let bundle: string;
let env: Record<string, string | undefined>;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'devaccess-code-cache-'));
  bundle = join(root, 'bundle.cjs');
  writeFileSync(bundle, 'exports.answer = () => 42; exports.where = [__filename, __dirname];\n');
  env = { HOME: root, XDG_CACHE_HOME: join(root, 'cache') };
  folder = join(root, 'cache', 'devaccess');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function load(): Loaded {
  const loaded = loadCached(bundle, env);
  expect(loaded.exports.answer()).toBe(42);
  return loaded;
}

function kept(): string {
  const [file, ...others] = keptFiles();
  expect(others).toEqual([]);
  return file!;
}

function keptFiles(): string[] {
  return readdirSync(folder).map((name) => join(folder, name));
}

describe('the kept compiled code of a bundle', () => {
  beforeEach(() => load().save());

  it('is made once, and used from then on', () => {
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(kept()).mode & 0o777).toBe(0o600);
    const before = statSync(kept());
    const loaded = load();
    expect(loaded.state).toBe('used');
    expect(loaded.exports).toMatchObject({ where: [bundle, root] });
    loaded.save();
    expect(statSync(kept())).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  it('belongs to one content of the bundle, not to its size and time', () => {
    const { mtime } = statSync(bundle);
    const other = readFileSync(bundle, 'utf8').replace('42', '43');
    writeFileSync(bundle, other);
    utimesSync(bundle, mtime, mtime);
    const loaded = loadCached(bundle, env);
    expect(loaded.state).toBe('refused');
    expect(loaded.exports.answer()).toBe(43);
    loaded.save();
    expect(loadCached(bundle, env).state).toBe('used');
    kept();
  });

  it.each([
    ['damaged', (bytes: Buffer) => bytes.fill(0x55, bytes.length >> 1, (bytes.length >> 1) + 8)],
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 10)],
    ['empty', () => Buffer.alloc(0)],
    ['of something else', () => Buffer.from('no code')],
  ])('is made anew when it is %s', (_what, change) => {
    writeFileSync(kept(), change(readFileSync(kept())));
    const loaded = load();
    expect(loaded.state).toBe('refused');
    loaded.save();
    expect(load().state).toBe('used');
  });

  it.each([
    ['file', 0o660, () => kept()],
    ['file', 0o606, () => kept()],
    ['folder', 0o770, () => folder],
    ['folder', 0o701, () => folder],
  ])('is not used from a %s of mode %o', (_what, mode, path) => {
    chmodSync(path(), mode);
    expect(load().state).toBe('refused');
  });

  it.runIf(isRoot).each([
    ['file', () => kept()],
    ['folder', () => folder],
  ])('is not used from a %s of another user', (_what, path) => {
    chownSync(path(), 65_534, 65_534);
    expect(load().state).toBe('refused');
  });

  it('is neither read from nor written to a folder that is not private', () => {
    rmSync(kept());
    chmodSync(folder, 0o755);
    load().save();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not used through symbolic links', () => {
    const elsewhere = join(root, 'elsewhere');
    const file = kept();
    renameSync(file, elsewhere);
    symlinkSync(elsewhere, file);
    expect(load().state).toBe('refused');
    rmSync(file);
    renameSync(elsewhere, file);
    renameSync(folder, elsewhere);
    symlinkSync(elsewhere, folder);
    expect(load().state).toBe('refused');
  });

  it('takes what long unused versions left away with it', () => {
    const old = join(folder, 'code-0123456789ab-v20.1.0-x64.bin');
    const recent = join(folder, 'code-0123456789ab-v20.2.0-x64.bin');
    const foreign = join(folder, 'something.bin');
    for (const path of [old, recent, foreign]) writeFileSync(path, '');
    for (const path of [old, foreign]) utimesSync(path, 0, 0);
    writeFileSync(bundle, `${readFileSync(bundle, 'utf8')}// new\n`);
    load().save();
    expect([old, recent, foreign].map((path) => existsSync(path))).toEqual([false, true, true]);
  });
});

describe('a bundle in two halves', () => {
  beforeEach(() => {
    const other = join(root, 'bundle-later.cjs');
    writeFileSync(bundle, "exports.answer = () => require('./bundle-later.cjs').half() * 2;\n");
    writeFileSync(
      other,
      "exports.half = () => 21; exports.first = () => require('./bundle.cjs');\n",
    );
  });

  it('loads the other half when it is asked for, each from compiled code of its own', () => {
    loadCached(bundle, env).save();
    expect(keptFiles()).toHaveLength(1);
    const loaded = load();
    expect(loaded.state).toBe('used');
    loaded.save();
    expect(keptFiles()).toHaveLength(2);
    const before = keptFiles().map((file) => statSync(file).ino);
    load().save();
    expect(keptFiles().map((file) => statSync(file).ino)).toEqual(before);
  });

  it('is one module for both of them', () => {
    writeFileSync(
      bundle,
      "exports.answer = () => 42; exports.own = () => require('./bundle-later.cjs').first();\n",
    );
    const { exports } = load() as Loaded & { exports: { own: () => unknown } };
    expect(exports.own()).toBe(exports);
  });
});

describe('a place where nothing can be kept', () => {
  it.each([
    ['a home that is a file', () => ({ HOME: bundle })],
    ['a home that does not exist and cannot', () => ({ HOME: '/proc/nowhere' })],
    ['a relative cache folder and no home', () => ({ XDG_CACHE_HOME: 'here', HOME: 'there' })],
    ['an empty home', () => ({ HOME: '', XDG_CACHE_HOME: '/proc/nowhere' })],
  ])('%s changes nothing else', (_what, place) => {
    env = place();
    const loaded = load();
    expect(loaded.state).not.toBe('used');
    loaded.save();
    expect(load().state).not.toBe('used');
  });
});

function runProgram(program: string, args: string[], more: Record<string, string> = {}) {
  return collect(
    spawn(process.execPath, [program, ...args], {
      env: { PATH: process.env['PATH'], XDG_CACHE_HOME: join(root, 'cache'), ...more },
      stdio: 'pipe',
    }),
  );
}

describe('devaccess', () => {
  it('keeps its code at the end of the first command, and oclif is no part of the second', async () => {
    const help = await runProgram(CLI, ['--help'], { HOME: root });
    const { ino } = statSync(kept());
    expect(help).toMatchObject({ code: 0, stderr: '' });
    const again = await runProgram(CLI, ['--help'], { HOME: root, NODE_DEBUG: 'module' });
    expect(again.stdout).toEqual(help.stdout);
    expect(again.stderr).toContain('load-cached.cjs');
    expect(again.stderr).not.toMatch(/@oclif|dist.cli\.cjs'/);
    expect(statSync(kept()).ino).toBe(ino);
  });
});

describe('devaccess-proxy', () => {
  /** One for each half of its bundle. */
  const halves = () => keptFiles().map((file) => statSync(file));
  const inodes = () => halves().map(({ ino }) => ino);
  const run = (args: string[], more: Record<string, string> = {}) => runProgram(PROXY, args, more);

  it('keeps its code after a warm-up that needs no network and no account', async () => {
    const nowhere = { HOME: join(root, 'nobody'), AWS_ENDPOINT_URL: 'http://127.0.0.1:1' };
    expect(await run(['--warm-up'], nowhere)).toMatchObject({ code: 0, stderr: '' });
    const before = inodes();
    expect(before).toHaveLength(2);
    expect(Math.min(...halves().map(({ size }) => size))).toBeGreaterThan(50_000);
    expect(await run(['--warm-up'], nowhere)).toMatchObject({ code: 0, stderr: '' });
    expect(inodes()).toEqual(before);
  });

  it('survives kept code that V8 would crash on', async () => {
    await run(['--warm-up']);
    for (const file of keptFiles()) {
      const bytes = readFileSync(file);
      for (let at = 200; at < bytes.length; at += 1000) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
      writeFileSync(file, bytes);
    }
    expect(await run(['--warm-up'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('keeps nothing for --help and wrong usage', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0 });
    expect(await run(['--no-such-flag'])).toMatchObject({ code: 2 });
    expect(existsSync(folder)).toBe(false);
  });

  it('lets many write at once', async () => {
    mkdirSync(join(root, 'cache'));
    const runs = await Promise.all(Array.from({ length: 4 }, () => run(['--warm-up'])));
    expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual(runs.map(() => [0, '']));
    const before = inodes();
    expect(before).toHaveLength(2);
    await run(['--warm-up']);
    expect(inodes()).toEqual(before);
  });
});
