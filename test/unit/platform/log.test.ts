import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { boundedLog } from '../../../src/platform/log.ts';

const folder = mkdtempSync(join(tmpdir(), 'devaccess-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('boundedLog', () => {
  it('keeps two files of bounded size, with the last lines', () => {
    const path = join(folder, 'one');
    const log = boundedLog(path, 1000);
    for (let count = 0; count < 100; count += 1) log.event('line', { count });
    expect(statSync(path).size).toBeLessThan(1200);
    expect(statSync(`${path}.1`).size).toBeLessThan(1200);
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ event: 'line', count: 99, pid: process.pid });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('goes on in the new file when another process has begun one', () => {
    const path = join(folder, 'two');
    const [one, other] = [boundedLog(path, 300), boundedLog(path, 300)];
    one.event('first');
    other.event('second');
    for (let count = 0; count < 5; count += 1) one.event('filler', { count });
    other.event('last');
    expect(readFileSync(path, 'utf8')).toContain('"last"');
    const all = readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8');
    for (const line of all.trim().split('\n'))
      expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it('begins anew when the file was taken away', () => {
    const path = join(folder, 'three');
    const log = boundedLog(path);
    log.event('before');
    rmSync(path);
    log.event('after');
    expect(readFileSync(path, 'utf8')).toContain('"after"');
  });
});
