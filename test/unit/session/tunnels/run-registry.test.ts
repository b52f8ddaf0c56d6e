import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownIdentity } from '../../../../src/platform/process-identity.ts';
import { newRunId } from '../../../../src/session/tunnels/run-record.ts';
import type { RunRecord } from '../../../../src/session/tunnels/run-record.ts';
import { RunRegistry } from '../../../../src/session/tunnels/run-registry.ts';

let home: string;
let registry: RunRegistry;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-registry-'));
  registry = new RunRegistry({ HOME: home });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function record(values: Partial<RunRecord> = {}): RunRecord {
  const id = values.id ?? newRunId();
  return {
    format: 1,
    id,
    process: ownIdentity(),
    startedAt: new Date(0).toISOString(),
    isDetached: true,
    socketPath: registry.newSocketPath(id),
    tunnels: [],
    ...values,
  };
}

describe('the registry of tunnels', () => {
  it('finds a run that is gone, and forgets it', async () => {
    const gone = record();
    await registry.write(gone);
    expect(await registry.find()).toEqual([{ state: 'gone', record: gone }]);
    registry.remove(gone);
    expect(readdirSync(registry.folder)).toEqual([]);
  });

  it('removes nothing else where a record comes from another path of the same home', async () => {
    const elsewhere = join(home, 'elsewhere', 'tunnels');
    mkdirSync(elsewhere, { recursive: true });
    writeFileSync(join(elsewhere, 'kept'), '');
    const id = newRunId();
    const moved = record({ id, socketPath: join(elsewhere, `${id}.sock`) });
    await registry.write(moved);
    registry.remove(moved);
    expect(readdirSync(elsewhere)).toEqual(['kept']);
  });

  it('removes the folder that a socket had to itself, but not what is not its own', () => {
    const own = mkdtempSync(join(tmpdir(), 'devaccess-'));
    const run = record();
    writeFileSync(join(own, 'kept'), '');
    registry.remove({ id: run.id, socketPath: join(own, `${run.id}.sock`) });
    expect(readdirSync(own)).toEqual(['kept']);
    rmSync(join(own, 'kept'));
    registry.remove({ id: run.id, socketPath: join(own, `${run.id}.sock`) });
    expect(existsSync(own)).toBe(false);
  });

  it.each([
    ['an id that leads elsewhere', { id: '../../x' }],
    ['a socket that is another file', { socketPath: '/etc/hosts' }],
    ['a relative socket', { id: '0123abcd', socketPath: '0123abcd.sock' }],
  ])('takes no record with %s', async (_what, values) => {
    writeFileSync(join(registry.folder, '0123abcd.json'), JSON.stringify(record(values)));
    expect(await registry.find()).toEqual([]);
  });
});
