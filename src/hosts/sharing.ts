import { join } from 'node:path';

/** How further connections to a server share the first. */
export interface Sharing {
  folder: string;
  /** As ssh_config(5) takes it. */
  controlPath: string;
}

/** ssh makes a socket of 40 hex digits there, at first with a dot and 16 characters behind it. */
const SOCKET_CHARS = 1 + 40 + 17;
/** Bytes of a Unix socket's path, beside the NUL at its end. */
const MAX_PATH = { linux: 107, other: 103 };

/**
 * Where control sockets lie: in a folder of their own, as whoever can use one is logged in. The
 * reason where there can be none.
 */
export function sharingOf(sshDirectory: string, platform = process.platform): Sharing | string {
  if (platform === 'win32') return 'OpenSSH for Windows cannot share connections';
  const folder = join(sshDirectory, 'devaccess-mux');
  const most = platform === 'linux' ? MAX_PATH.linux : MAX_PATH.other;
  if (Buffer.byteLength(folder) + SOCKET_CHARS > most) {
    return `${folder} is too long for the path of a Unix socket`;
  }
  if (/["'\\\p{Cc}]|\$\{/u.test(folder)) return `${folder} cannot be written into an SSH config`;
  return { folder, controlPath: `${folder.replaceAll('%', '%%')}/%C` };
}
