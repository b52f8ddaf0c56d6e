import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptCredentials } from '../../../src/aws/credential-cache.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';
import type { TemporaryCredentials } from '../../../src/aws/temporary-credentials.ts';

const HOUR_MS = 3_600_000;
let home: string;
let folder: string;
let nowMs: number;
let fetched: number;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-kept-'));
  folder = join(home, '.local', 'state', 'devaccess', 'credentials');
  nowMs = Date.now();
  fetched = 0;
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function fetch(lastsMs = HOUR_MS): () => Promise<TemporaryCredentials> {
  return () => {
    fetched += 1;
    const accessKeyId = `ASIA${fetched}`;
    const expirationMs = nowMs + lastsMs;
    return Promise.resolve({ accessKeyId, secretAccessKey: 's', sessionToken: 't', expirationMs });
  };
}

const refused = (): Promise<TemporaryCredentials> => Promise.reject(new Error('refused'));

async function keyOf(
  fetcher = fetch(),
  subject = 'role',
  onKept: (error: unknown) => void = () => undefined,
): Promise<string> {
  const options = { env: { HOME: home }, now: () => nowMs, onKept };
  return (await keptCredentials([subject], fetcher, options)).accessKeyId;
}

describe('kept credentials', () => {
  it('are used until a quarter of an hour before their end, or half of a short life', async () => {
    expect(await keyOf()).toBe('ASIA1');
    nowMs += 44 * 60_000;
    expect(await keyOf()).toBe('ASIA1');
    nowMs += 60_000;
    expect(await keyOf()).toBe('ASIA2');
    expect(await keyOf(fetch(20 * 60_000), 'short')).toBe('ASIA3');
    nowMs += 9 * 60_000;
    expect(await keyOf(fetch(), 'short')).toBe('ASIA3');
    nowMs += 60_000;
    expect(await keyOf(fetch(), 'short')).toBe('ASIA4');
  });

  it('are not trusted by a clock that was set back', async () => {
    await keyOf();
    nowMs -= 30_000;
    expect(await keyOf()).toBe('ASIA1');
    nowMs -= HOUR_MS;
    expect(await keyOf()).toBe('ASIA2');
  });

  it.each([
    { expirationMs: 253_402_300_799_000 },
    { expirationMs: 1e300 },
    { obtainedMs: -1e300 },
    { accessKeyId: '' },
    { secretAccessKey: 7 },
    { sessionToken: 'a\nb' },
  ])('are fetched anew where the file is damaged: %j', async (damage) => {
    await keyOf();
    const [name = ''] = readdirSync(folder).filter((each) => each.endsWith('.json'));
    const entry = JSON.parse(readFileSync(join(folder, name), 'utf8')) as object;
    writeFileSync(join(folder, name), JSON.stringify({ ...entry, ...damage }));
    expect(await keyOf()).toBe('ASIA2');
  });

  it('are used to their end where there are no others, and no further', async () => {
    await keyOf();
    nowMs += 50 * 60_000;
    expect(await keyOf(refused)).toBe('ASIA1');
    nowMs += 10 * 60_000;
    await expect(keyOf(refused)).rejects.toThrow('refused');
  });

  it('are asked for once in a minute while they last and fetching fails, and that is told', async () => {
    await keyOf();
    nowMs += 50 * 60_000;
    let tries = 0;
    const failing = (): Promise<TemporaryCredentials> => {
      tries += 1;
      return refused();
    };
    const told: unknown[] = [];
    for (let asked = 0; asked < 5; asked += 1) {
      expect(await keyOf(failing, 'role', (error) => told.push(error))).toBe('ASIA1');
    }
    expect(tries).toBe(1);
    expect(told).toEqual([new Error('refused')]);
    nowMs += 60_000;
    expect(await keyOf(failing)).toBe('ASIA1');
    expect(tries).toBe(2);
    nowMs += 60_000;
    expect(await keyOf()).toBe('ASIA2');
  });

  it('are not used where the failure must be known', async () => {
    await keyOf();
    nowMs += 50 * 60_000;
    const known = keyOf(refused, 'role', (error) => {
      throw error;
    });
    await expect(known).rejects.toThrow('refused');
  });

  it('are fetched once where fetching fails', async () => {
    let tries = 0;
    const failing = (): Promise<TemporaryCredentials> => {
      tries += 1;
      return refused();
    };
    await expect(keyOf(failing)).rejects.toThrow('refused');
    expect(tries).toBe(1);
  });

  it('are asked for once by all who wait while fetching fails, and again by who comes later', async () => {
    let tries = 0;
    const error = new DevaccessError('DA_THROTTLED', 'too often', { next: 'wait' });
    const failing = async (): Promise<TemporaryCredentials> => {
      tries += 1;
      // The others are waiting by now.
      await new Promise((resolve) => setImmediate(resolve));
      nowMs += 1_000;
      throw error;
    };
    const all = await Promise.allSettled([1, 2, 3, 4, 5].map(() => keyOf(failing)));
    for (const each of all) {
      expect(each).toMatchObject({ reason: { code: 'DA_THROTTLED', next: 'wait' } });
    }
    expect(tries).toBe(1);
    nowMs += 1_000;
    expect(await keyOf()).toBe('ASIA1');
  });

  it('need no disk: what cannot be locked or written is fetched each time', async () => {
    await keyOf(fetch(), 'other');
    const [name = ''] = readdirSync(folder);
    // Where the lock and the file should be, there is something that cannot be either.
    for (const path of [`${name}.lock`, name]) {
      rmSync(join(folder, path), { force: true });
      mkdirSync(join(folder, path));
    }
    expect(await keyOf(fetch(), 'other')).toBe('ASIA2');
    expect(await keyOf(fetch(), 'other')).toBe('ASIA3');
    rmSync(join(folder, `${name}.lock`), { recursive: true });
    expect(await keyOf(fetch(), 'other')).toBe('ASIA4');
  });

  it('are not taken from a folder of others, nor from half a file', async () => {
    await keyOf();
    chmodSync(folder, 0o777);
    expect(await keyOf()).toBe('ASIA2');
    chmodSync(folder, 0o700);
    const [name = ''] = readdirSync(folder);
    writeFileSync(join(folder, name), '{"accessKeyId":"ASIA');
    expect(await keyOf()).toBe('ASIA3');
  });
});
