import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CopyResult } from '../../src/copy/copy-files.ts';
import { collect, eventually, Person } from './support/person.ts';
import type { Finished } from './support/person.ts';

const MIB = 1024 * 1024;
const SIZE = 6 * MIB;

let person: Person;
let here: string;
let there: string;
let config: string;
let data: Buffer;

beforeAll(async () => {
  // As slow as the real agent, so that there is a middle to interrupt.
  person = await Person.arrive({ agent: { pace: 'real' } });
  await person.startDay();
  config = join(person.home, '.ssh', 'config');
  data = randomBytes(SIZE);
});
afterAll(() => person.leave());
beforeEach(() => {
  here = join(person.home, 'here');
  there = join(person.home, 'there');
  for (const folder of [here, there]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
  }
  writeFileSync(join(here, 'up'), data);
  writeFileSync(join(there, 'down'), data);
});
afterEach(() => person.noSessionIsOpen());

/** The bastion itself: each session is one to it, and slow in both directions. */
const ROUTES = {
  up: () => [join(here, 'up'), `bastion:${there}/`],
  down: () => [`bastion:${there}/down`, `${here}/`],
};
const PACE = { DEVACCESS_PACE: '900' };

function partials(): string[] {
  return [here, there].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.devaccess-part'))
      .map((name) => join(folder, name)),
  );
}

/** Starts a copy, and waits until some of it is there. */
async function halfWay(
  args: string[],
  sessions = '2',
): Promise<{ kill: (signal: NodeJS.Signals) => void; ended: Promise<Finished> }> {
  const flags = ['cp', '-F', config, '--sessions', sessions];
  const child = person.start('devaccess', [...flags, ...args], PACE);
  const ended = collect(child);
  await eventually('some is there', () => {
    const [partial] = partials();
    // Also where parts of it have come out of order, half of that is one piece.
    return partial !== undefined && statSync(partial).blocks * 512 > 3 * MIB;
  });
  return {
    // To the whole group, as Ctrl-C on a terminal does; -9 to the program alone.
    kill: (signal) => process.kill(signal === 'SIGKILL' ? child.pid! : -child.pid!, signal),
    ended,
  };
}

async function cp(...args: string[]): Promise<CopyResult> {
  const run = await person.run('devaccess', ['cp', '--json', '-F', config, ...args]);
  if (run.code !== 0) throw new Error(`${run.stdout.toString()}${run.stderr}`);
  return JSON.parse(run.stdout.toString()) as CopyResult;
}

function expectCopied(): void {
  expect(partials()).toEqual([]);
  for (const [folder, name] of [
    [here, 'down'],
    [there, 'up'],
  ] as const) {
    if (!readdirSync(folder).includes(name)) continue;
    expect(readFileSync(join(folder, name)).equals(data)).toBe(true);
    return;
  }
  throw new Error('there is no copy');
}

describe.each(['up', 'down'] as const)('an interrupted copy (%s)', (direction) => {
  it('goes on where kill -9 stopped it', async () => {
    const args = ROUTES[direction]();
    const { kill, ended } = await halfWay(args);
    kill('SIGKILL');
    await ended;
    await person.noSessionIsOpen();
    const { resumedBytes, verified, files } = await cp(...args);
    expect(resumedBytes).toBeGreaterThan(MIB / 2);
    expect([files, verified]).toEqual([1, ['sha256']]);
    expectCopied();
  });

  it('says on Ctrl-C that it can go on, and leaves nothing under the final name', async () => {
    const args = ROUTES[direction]();
    const { kill, ended } = await halfWay(args);
    kill('SIGINT');
    const { signal, stderr, stdout } = await ended;
    expect(signal).toBe('SIGINT');
    expect(stderr).toContain('Interrupted. The same command goes on where it stopped.');
    expect(stdout.toString()).toBe('');
    expect([...readdirSync(here), ...readdirSync(there)].sort()).toEqual([
      expect.stringMatching(/\.devaccess-part$/),
      'down',
      'up',
    ]);
    expect((await cp(...args)).resumedBytes).toBeGreaterThan(MIB / 2);
    expectCopied();
  });

  it('starts anew when the source has changed, and when it is told to', async () => {
    const args = ROUTES[direction]();
    const first = await halfWay(args);
    first.kill('SIGKILL');
    await first.ended;
    const source = direction === 'up' ? join(here, 'up') : join(there, 'down');
    utimesSync(source, 1_600_000_000, 1_600_000_000);
    const second = await halfWay(args);
    expect(partials()).toHaveLength(1);
    second.kill('SIGKILL');
    await second.ended;
    expect((await cp('--restart', ...args)).resumedBytes).toBe(0);
    expectCopied();
  });

  it('finds out that what was there is spoilt, and copies it again', async () => {
    const args = ROUTES[direction]();
    const { kill, ended } = await halfWay(args);
    kill('SIGKILL');
    await ended;
    const file = openSync(partials()[0]!, 'r+');
    writeSync(file, Buffer.alloc(100_000, 7), 0, 100_000, 0);
    closeSync(file);
    const { verified, resumedBytes } = await cp(...args);
    expect([verified, resumedBytes]).toEqual([['sha256'], 0]);
    expectCopied();
  });
});

describe('a copy that is running', () => {
  it('outlives the loss of its sessions', async () => {
    const { ended } = await halfWay(ROUTES.down(), '4');
    const lost = proxiesOf(person).slice(0, 2);
    for (const pid of lost) process.kill(Number(pid), 'SIGTERM');
    const { code, stderr } = await ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(lost).toHaveLength(2);
    expectCopied();
  });

  it('does not let the same one run twice', async () => {
    const { kill, ended } = await halfWay(ROUTES.up());
    await expect(cp(...ROUTES.up())).rejects.toThrow('DA_COPY_BUSY');
    kill('SIGINT');
    await ended;
  });

  it('notices that its source grows', async () => {
    const { ended } = await halfWay(ROUTES.up());
    appendFileSync(join(here, 'up'), 'more');
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toContain('DA_SOURCE_CHANGED');
    expect([readdirSync(there), partials()]).toEqual([['down'], []]);
  });

  it('skips in a tree what an interrupted run has finished', async () => {
    const tree = join(here, 'tree');
    mkdirSync(tree);
    for (let index = 0; index < 20; index += 1) {
      writeFileSync(join(tree, `small-${index}`), `content ${index}`);
    }
    writeFileSync(join(tree, 'z-large'), data);
    const args = ['-r', tree, `bastion:${there}`];
    const child = person.start('devaccess', ['cp', '-F', config, '--sessions', '1', ...args], PACE);
    const ended = collect(child);
    await eventually('the small ones are there', () => {
      const names = existing(join(there, 'tree'));
      return names.includes('small-19') && names.some((name) => name.endsWith('-part'));
    });
    child.kill('SIGKILL');
    await ended;
    const before = inodes(join(there, 'tree'));
    const result = await cp(...args);
    expect(result.files).toBe(21);
    expect(result.resumedBytes).toBeGreaterThan(100);
    expect(inodes(join(there, 'tree'))).toMatchObject(before);
    expect(readFileSync(join(there, 'tree', 'z-large')).equals(data)).toBe(true);
    expect(statSync(join(there, 'tree')).mode).toBe(statSync(tree).mode);
  });
});

describe.skipIf(!canMount())('a disk that is full', () => {
  let mounted: string;
  beforeEach(() => {
    mounted = join(person.home, 'small');
    mkdirSync(mounted, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', mounted]);
  });
  afterEach(() => {
    execFileSync('umount', [mounted]);
  });

  it.each([
    ['there', () => [join(here, 'up'), `someserver:${mounted}/`], 'DA_REMOTE_DISK_FULL'],
    ['here', () => [`someserver:${there}/down`, mounted], 'DA_DISK_FULL'],
  ])('%s ends the copy, which goes on when there is room', async (_, route, code) => {
    const args = route();
    await expect(cp(...args)).rejects.toThrow(code);
    expect(readdirSync(mounted)).toEqual([expect.stringMatching(/\.devaccess-part$/)]);
    execFileSync('mount', ['-o', 'remount,size=20m', mounted]);
    expect((await cp(...args)).resumedBytes).toBeGreaterThan(MIB / 2);
    expect(readFileSync(join(mounted, readdirSync(mounted)[0]!)).equals(data)).toBe(true);
  });
});

/** Which file each name stands for. */
function inodes(folder: string): Record<string, number> {
  const names = readdirSync(folder).filter((name) => name.startsWith('small-'));
  return Object.fromEntries(names.map((name) => [name, statSync(join(folder, name)).ino]));
}

function existing(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function canMount(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

/** Process ids of running proxies of this person, by the HOME in their environment. */
function proxiesOf({ home }: Person): string[] {
  const { stdout } = spawnSync('pgrep', ['-f', 'devaccess-proxy'], { encoding: 'utf8' });
  return stdout.split('\n').filter((pid) => {
    try {
      const isNode = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--target');
      return isNode && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`HOME=${home}`);
    } catch {
      return false;
    }
  });
}
