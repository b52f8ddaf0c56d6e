import type { RemoteTree } from './remote-tree.ts';
import type { SftpConnection } from './ssh/sftp-connection.ts';

/** How a copy was found to be the same as its source. */
export type CheckMethod = 'sha256' | 'read-back';

/** What the copies of one command share. */
export interface CopyContext {
  /** The server's files over one connection. */
  remoteOver: (connection: SftpConnection) => RemoteTree;
  /** How a server's path is shown to the person. */
  showRemote: (path: string) => string;
  /** What was asked for: digests where they can be had, else reading back; always that; nothing. */
  check: 'sha256' | 'read-back' | 'none';
  /** SHA-256 of a server's file, in hex; undefined where the server does not tell it. */
  remoteDigest: (path: string) => Promise<string | undefined>;
  /** Bytes of an interrupted run are used; or, negative, bytes that were there are of no use. */
  onFound: (bytes: number) => void;
  onChecked: (method: CheckMethod) => void;
  /** Milliseconds, monotonic. */
  now: () => number;
}
