import { lstatSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { errorCode } from './file-errors.ts';

/** What the kernel takes is 108 bytes (macOS: 104) with the end; Node cuts longer ones without a word. */
export const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Listens on a Unix socket that from its first moment is the user's alone (0600). The socket of a
 * process that was killed is replaced; one that is served, and anything else, is left as it is.
 *
 * @throws NodeJS.ErrnoException EADDRINUSE and others of listen(2); ENAMETOOLONG
 */
export async function listenOnUnixSocket(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw Object.assign(new Error('the path of the socket is too long'), {
      code: 'ENAMETOOLONG',
    });
  }
  try {
    await listen(server, path);
  } catch (error) {
    // A folder that is not there: Node tells it as EACCES.
    statSync(dirname(path));
    if (errorCode(error) !== 'EADDRINUSE' || !(await isAbandoned(path))) throw error;
    rmSync(path);
    await listen(server, path);
  }
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The file is made within this call, with the mode that the mask leaves.
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

async function isAbandoned(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return false;
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error) => resolve(errorCode(error) === 'ECONNREFUSED'));
  });
}
