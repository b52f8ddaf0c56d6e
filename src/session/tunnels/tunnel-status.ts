/** Bytes, or bytes per second, to the server and back. */
export interface UpAndDown {
  up: number;
  down: number;
}

/** One listener of a tunnel. */
export interface ListenerStatus {
  /** `127.0.0.1:5432`, or the path of a Unix socket. */
  listen: string;
  /** What the far end reaches: `localhost:5432`, `db.internal:5432`. */
  remote: string;
  /** Open local connections. */
  connections: number;
  /** Since the start. */
  bytes: UpAndDown;
  /** Per second, over the last second or so. */
  rate: UpAndDown;
}

/**
 * - `opening`: not ready yet
 * - `up`: its sessions are open
 * - `idle`: its sessions have ended; the next connection starts one
 * - `reconnecting`: the connection of a session is lost and being resumed
 * - `failing`: the last attempt to start a session failed; `problem` says why
 * - `closing`: its sessions are being ended
 */
export type TunnelState = 'opening' | 'up' | 'idle' | 'reconnecting' | 'failing' | 'closing';

/** A tunnel as the process that carries it sees it. */
export interface TunnelStatus {
  name: string;
  state: TunnelState;
  host: string;
  /** Node that the sessions run on. */
  target: string;
  profile: string | null;
  region: string | null;
  listeners: ListenerStatus[];
  sessionIds: string[];
  /** When it was ready, ISO 8601. */
  since: string | null;
  /** What last went wrong, until it works again. */
  problem: string | null;
}
