import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CopyResult } from '../../src/copy/copy-files.ts';
import { hasSystemSshd } from '../../src/sandbox/ssh/system-sshd.ts';
import { Person } from './support/person.ts';

const KIB = 1024;
const SIZES = [0, 1, 32 * KIB - 1, 32 * KIB, 32 * KIB + 1, 20 * KIB * KIB];
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
    const config = join(person.home, '.ssh', 'config');
    const run = await person.run('devaccess', ['cp', '--json', '-F', config, ...args]);
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
    for (const copy of [join(there, name), join(here, 'back')]) {
      expect(readFileSync(copy).equals(data)).toBe(true);
      const { mode, mtimeMs } = statSync(copy);
      expect([mode & 0o777, mtimeMs]).toEqual([0o640, MTIME_S * 1000]);
    }
    expect([...readdirSync(here), ...readdirSync(there)].join()).not.toContain('devaccess-part');
  });
});
