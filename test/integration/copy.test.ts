import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CopyResult } from '../../src/copy/copy-files.ts';
import { hasSystemSshd } from '../../src/sandbox/ssh/system-sshd.ts';
import { Person } from './support/person.ts';

const KIB = 1024;
const SIZES = [0, 1, 32 * KIB - 1, 32 * KIB, 32 * KIB + 1, 8 * KIB * KIB];
const MTIME_S = 1_600_000_000;

describe.each(['embedded', 'system'] as const)('cp with a host whose sshd is %s', (sshd) => {
  let person: Person;
  let here: string;
  /** A folder of the server, which is this machine. */
  let there: string;

  beforeAll(async () => {
    if (sshd === 'system' && !hasSystemSshd()) return;
    person = await Person.arrive({ sshd });
    await person.startDay(sshd === 'system' ? ['--user', process.env['USER'] ?? 'root'] : []);
    here = join(person.home, 'here');
    there = join(person.home, 'there');
    mkdirSync(here);
    mkdirSync(there);
  });
  afterAll(() => person.leave());
  afterEach(() => person.noSessionIsOpen());

  async function cp(...args: string[]): Promise<CopyResult> {
    const config = args.includes('-F') ? [] : ['-F', join(person.home, '.ssh', 'config')];
    const run = await person.run('devaccess', ['cp', '--json', ...config, ...args]);
    if (run.code !== 0) throw new Error(`${run.stdout.toString()}${run.stderr}`);
    return JSON.parse(run.stdout.toString()) as CopyResult;
  }

  it.each(SIZES)('copies a file of %i bytes there and back, with mode and times', async (size) => {
    const data = randomBytes(size);
    const name = `file-${size}`;
    writeFileSync(join(here, name), data);
    chmodSync(join(here, name), 0o640);
    utimesSync(join(here, name), MTIME_S, MTIME_S);
    const up = await cp(join(here, name), `someserver:${there}/`);
    expect(up).toMatchObject({ direction: 'up', files: 1, bytes: size, failed: [] });
    const down = await cp(`someserver:${there}/${name}`, join(here, 'back'));
    expect(down).toMatchObject({ direction: 'down', files: 1, bytes: size, failed: [] });
    const isLarge = size > KIB * KIB;
    expect([up.verified, down.verified]).toEqual(Array(2).fill([isLarge ? 'sha256' : 'read-back']));
    if (isLarge) expect(Math.min(up.sessions, down.sessions)).toBeGreaterThan(1);
    for (const copy of [join(there, name), join(here, 'back')]) {
      expect(readFileSync(copy).equals(data)).toBe(true);
      const { mode, mtimeMs } = statSync(copy);
      expect([mode & 0o777, mtimeMs]).toEqual([0o640, MTIME_S * 1000]);
    }
    expect([...readdirSync(here), ...readdirSync(there)].join()).not.toContain('devaccess-part');
  });

  it('copies trees there and back: many small files, odd names, empty folders, links followed', async () => {
    const tree = join(here, 'tree');
    mkdirSync(join(tree, 'deep', 'er'), { recursive: true });
    mkdirSync(join(tree, 'empty'));
    for (let index = 0; index < 100; index += 1) {
      writeFileSync(join(tree, 'deep', `small-${index}`), `content ${index}`);
    }
    for (const name of ['-r', 'a b', 'ä漢🎉', "quo'te", 'back\\slash', '$(x)', 'a:b', '~']) {
      writeFileSync(join(tree, 'deep', 'er', name), name, { mode: 0o444 });
    }
    symlinkSync('small-1', join(tree, 'deep', 'link'));
    chmodSync(join(tree, 'deep'), 0o500);
    for (const path of ['deep', 'empty', '.']) utimesSync(join(tree, path), MTIME_S, MTIME_S);
    const up = await cp('-r', tree, `someserver:${there}`);
    expect(up).toMatchObject({ files: 109, failed: [] });
    const down = await cp('-r', `someserver:${there}/tree`, join(here, 'tree-back'));
    expect(down).toMatchObject({ files: 109, failed: [] });
    for (const copy of [join(there, 'tree'), join(here, 'tree-back')]) {
      expect(lstatSync(join(copy, 'deep', 'link')).isFile()).toBe(true);
      expect(listing(copy)).toEqual(listing(tree));
    }
  });

  it('understands relative paths, home, and names that look like options', async () => {
    const home = person.aws.hosts.hosts.find(({ name }) => name === 'someserver')!.homeDirectory;
    const folder = mkdtempSync(join(home, 'devaccess-copy-'));
    const relative = basename(folder);
    try {
      writeFileSync(join(person.home, '-dash'), 'dash');
      await cp('--', '-dash', `someserver:~/${relative}/one`);
      await cp(`someserver:${relative}/one`, 'two');
      expect(readFileSync(join(person.home, 'two'), 'utf8')).toBe('dash');
      await cp('two', './-dash', `someserver:${relative}`);
      expect(readdirSync(folder).sort()).toEqual(['-dash', 'one', 'two']);
      await cp('-p', `someserver:${relative}/-dash`, `someserver:${relative}/two`, here);
      expect(readdirSync(here)).toEqual(expect.arrayContaining(['-dash', 'two']));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('uses sessions of their own, even where ssh would share connections', async () => {
    const config = join(person.home, '.ssh', 'config');
    const sharing = join(person.home, '.ssh', 'sharing');
    const shared = `ControlMaster auto\nControlPath ${person.home}/.ssh/cm-%C\nControlPersist 30\n`;
    writeFileSync(sharing, `Host *\n${shared}Include ${config}\n`);
    writeFileSync(join(here, 'shared'), randomBytes(8 * KIB * KIB));
    const before = person.aws.sandbox.registry.list().length;
    const up = await cp('-F', sharing, join(here, 'shared'), `someserver:${there}`);
    expect(up.sessions).toBeGreaterThan(1);
    // One more for the digest.
    const started = person.aws.sandbox.registry.list().length - before;
    expect(started).toBeGreaterThan(up.sessions);
    expect(readdirSync(join(person.home, '.ssh')).filter((name) => name.startsWith('cm-'))).toEqual(
      [],
    );
  });

  it('expands patterns of the server', async () => {
    for (const name of ['x1.log', 'x2.log', 'x[1].log', '.x.log']) {
      writeFileSync(join(there, name), name);
    }
    const into = join(here, 'matched');
    mkdirSync(into);
    await cp(`someserver:${there}/x?.log`, `someserver:${there}/x[1].log`, into);
    expect(readdirSync(into).sort()).toEqual(['x1.log', 'x2.log', 'x[1].log']);
    await expect(cp(`someserver:${there}/*.none`, into)).rejects.toThrow('DA_NO_SUCH_FILE');
  });

  it('overwrites in one step, and leaves the old file where the copy fails', async () => {
    const old = join(there, 'old');
    writeFileSync(old, 'old', { mode: 0o600 });
    writeFileSync(join(here, 'new'), 'new', { mode: 0o640 });
    const before = statSync(old).ino;
    await cp(join(here, 'new'), `someserver:${old}`);
    expect(readFileSync(old, 'utf8')).toBe('new');
    expect(statSync(old).ino).not.toBe(before);
    await expect(cp(`someserver:${there}/missing`, old)).rejects.toThrow('DA_NO_SUCH_FILE');
    await expect(cp(join(here, 'tree'), `someserver:${there}`)).rejects.toThrow('DA_IS_DIRECTORY');
    for (const [from, to] of [
      [join(here, 'new'), `someserver:${there}/no/where`],
      [`someserver:${old}`, join(here, 'no', 'where')],
    ] as const) {
      await expect(cp(from, to)).rejects.toThrow('there is no such folder');
    }
    expect(readFileSync(old, 'utf8')).toBe('new');
    mkdirSync(join(there, 'taken', 'new'), { recursive: true });
    await expect(cp(join(here, 'new'), `someserver:${there}/taken`)).rejects.toThrow(
      'DA_IS_DIRECTORY',
    );
    await expect(cp(`someserver:${old}`, join(there, 'taken', 'new', '..'))).resolves.toBeDefined();
    mkdirSync(join(here, 'old'));
    await expect(cp(`someserver:${old}`, here)).rejects.toThrow('DA_FILE_NOT_WRITABLE');
    expect([...readdirSync(here), ...readdirSync(there, { recursive: true })].join()).not.toContain(
      'devaccess-part',
    );
    const journals = join(person.home, '.local', 'state', 'devaccess', 'copies');
    expect(
      readdirSync(journals).filter((name) => statSync(join(journals, name)).size === 0),
    ).toEqual([]);
  });
});

/** Every path with its kind, mode, size and time of change; links are followed. */
function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .concat('.')
    .sort()
    .map((path) => {
      const stats = statSync(join(folder, path));
      const kind = stats.isDirectory() ? 'd' : stats.size;
      return [
        path,
        kind,
        (stats.mode & 0o777).toString(8),
        Math.floor(stats.mtimeMs / 1000),
      ].join();
    });
}
