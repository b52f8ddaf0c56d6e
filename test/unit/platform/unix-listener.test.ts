import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { listenOnUnixSocket } from '../../../src/platform/unix-listener.ts';

const folder = mkdtempSync(join(tmpdir(), 'devaccess-unix-'));
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

async function listen(path: string): Promise<void> {
  const server = createServer();
  servers.push(server);
  await listenOnUnixSocket(server, path);
}

describe('listenOnUnixSocket', () => {
  it("makes a socket that is the user's alone, and leaves the mask as it was", async () => {
    writeFileSync(join(folder, 'before'), '');
    await listen(join(folder, 'own'));
    writeFileSync(join(folder, 'after'), '');
    expect(statSync(join(folder, 'own')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'after')).mode).toBe(statSync(join(folder, 'before')).mode);
  });

  it('does not take a socket that is served', async () => {
    await listen(join(folder, 'served'));
    await expect(listen(join(folder, 'served'))).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('takes the socket of a process that was killed', async () => {
    const path = join(folder, 'abandoned');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(statSync(path).isSocket()).toBe(true);
    await listen(path);
  });

  it('leaves what is no socket alone', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'precious');
    await expect(listen(path)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(statSync(path).size).toBe(8);
  });

  it('says when it cannot be done', async () => {
    await expect(listen(join(folder, 'x'.repeat(100)))).rejects.toMatchObject({
      code: 'ENAMETOOLONG',
    });
    await expect(listen(join(folder, 'none', 'x'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
