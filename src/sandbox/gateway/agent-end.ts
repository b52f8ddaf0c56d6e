/**
 * What joins a session's agent to the gateway. Frames are whole client messages
 * (docs/protocol.md §2), relayed untouched. Neither side may throw into the other.
 */

/** The agent's side of one session; one object serves the session from its start to its end. */
export interface AgentEnd {
  /** Called once, when the client first opens the data channel. */
  connect(link: AgentLink): void;
  /** A frame for the agent, from the client or from the service itself. */
  receive(frame: Buffer): void;
  /** The gateway takes frames again after `AgentLink.send` answered false. */
  resume(): void;
  /** The session has ended: give up sockets and timers. */
  close(): void;
}

/** The gateway's side, as the agent sees it. */
export interface AgentLink {
  /**
   * Hands over a frame for the client; it is lost when no client is there.
   * @returns false when the client's socket is behind: send no more data until `resume()`
   */
  send(frame: Buffer): boolean;
  /** True: the agent's own sink is full, so the client is not read until this is called again. */
  holdClient(held: boolean): void;
  /** Whether the agent's end is there; the client is told with pause and start_publication. */
  setAvailable(available: boolean): void;
}
