import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runSandbox } from '../../../src/sandbox/run-sandbox.ts';
import type { RunSandboxOptions } from '../../../src/sandbox/run-sandbox.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'devaccess-run-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function start(options: Partial<RunSandboxOptions> = {}): Promise<void> {
  return runSandbox({
    port: 0,
    region: 'us-east-1',
    stateDir: folder,
    sshd: 'embedded',
    announce: () => process.emit('SIGTERM'),
    ...options,
  });
}

describe('runSandbox', () => {
  it("keeps its hands off a folder with a person's files", async () => {
    writeFileSync(join(folder, 'credentials'), 'precious');
    await expect(start()).rejects.toMatchObject({ code: 'DA_USAGE' });
    expect(readdirSync(folder)).toEqual(['credentials']);
    expect(readFileSync(join(folder, 'credentials'), 'utf8')).toBe('precious');
  });

  it('uses a folder of its own again, with the same key', async () => {
    await start();
    const key = readFileSync(join(folder, 'id_ed25519'), 'utf8');
    await start();
    expect(readFileSync(join(folder, 'id_ed25519'), 'utf8')).toBe(key);
  });

  it('refuses a malformed region and names a busy port', async () => {
    await expect(start({ region: 'x y' })).rejects.toMatchObject({ code: 'DA_USAGE' });
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(start({ port })).rejects.toMatchObject({ code: 'DA_PORT_BUSY' });
    other.close();
  });
});
