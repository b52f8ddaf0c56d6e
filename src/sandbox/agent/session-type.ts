/** What a session type (a port, a shell, a command) sees of its agent. */
export interface SessionChannel {
  /** False while the window of unacknowledged messages is full or the client's end holds back. */
  canSend(): boolean;
  /** Sends one data message; payloads are at most what the agent puts in one message. */
  send(payloadType: number, payload: Buffer): void;
  /** The session's own sink is full: the client is not read until it is released. */
  holdClient(held: boolean): void;
  /** The session is over: it ends once everything sent was acknowledged. */
  finish(): void;
  /** The client asked for the end, or the session cannot go on: ends at once, with a reason if any. */
  terminate(reason: string): void;
  /** The session's worker died without a word (docs/protocol.md §7.8): silence from now on. */
  die(): void;
}

/** A session type at work, from the end of the handshake on. */
export interface RunningSession {
  /** Takes one data message in order; false when it cannot be taken yet. */
  receive(payloadType: number, payload: Buffer): boolean;
  /** `canSend` may have become true. */
  resume(): void;
  close(): void;
}

/** How one session is to be run: what the handshake announces and what runs after it. */
export interface SessionPlan {
  /** The ActionParameters of the handshake's SessionType action. */
  request: { SessionType: string; Properties: Record<string, unknown> | null };
  /** Without encryption there is no handshake at all. Default false. */
  isHandshakeOptional?: boolean;
  /** For HandshakeComplete. */
  customerMessage?: (clientVersion: string) => string;
  /** @param clientVersion of the HandshakeResponse; it gates features (docs/protocol.md §5) */
  start(channel: SessionChannel, clientVersion: string): RunningSession;
}
