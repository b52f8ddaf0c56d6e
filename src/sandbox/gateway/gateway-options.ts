import type { IncomingMessage, Server } from 'node:http';
import type { SandboxSession, SessionRegistry } from '../session-registry.ts';
import type { AgentEnd } from './agent-end.ts';

/** Who signed an upgrade request; `absent` when nobody did, as older official clients do. */
type UpgradeAuthentication = 'absent' | { identity: { arn: string } } | { error: string };

export type FrameDirection = 'to-agent' | 'to-client';

/** One frame on its way through the gateway; a test may drop, repeat, delay or change it. */
interface FrameInTransit {
  readonly sessionId: string;
  readonly direction: FrameDirection;
  readonly frame: Buffer;
  /** Passes a frame on; call it never, once or more often, now or later. */
  readonly forward: (frame: Buffer) => void;
}

export interface GatewayLimits {
  /** Time for OpenDataChannel after the upgrade, in ms. Default 5000. */
  openTimeoutMs?: number;
  /** Largest frame accepted from a client, in bytes. Default 2 MiB. */
  maxFrameBytes?: number;
  /** A session without a frame from its client for so long ends with "Session timed out". Default 20 minutes. */
  idleTimeoutMs?: number;
  /** Every socket is closed after so long with code 1000 "Bye". Default 60 minutes. */
  socketLifetimeMs?: number;
  /** Data messages a second a client may sustain over 2 s; more pauses it, then closes. Default off. */
  rateLimit?: number;
  /** Unsent bytes on the client's socket above which the agent is held. Default 1 MiB. */
  highWaterBytes?: number;
}

export interface GatewayOptions {
  server: Server;
  registry: SessionRegistry;
  /** Checks the signature of an upgrade request. `error` answers 403. */
  authenticateUpgrade: (
    request: IncomingMessage,
    session: SandboxSession,
  ) => UpgradeAuthentication | Promise<UpgradeAuthentication>;
  /** The agent's end for a session, asked for when its client first opens; undefined: away. */
  agentFor: (session: SandboxSession) => AgentEnd | undefined;
  limits?: GatewayLimits;
  /** Sees every frame in both directions, for fault injection. Default: forwards it. */
  onFrame?: (transit: FrameInTransit) => void;
}

export interface Gateway {
  /** Asks `agentFor` again for a session whose agent was away. */
  agentArrived(sessionId: string): void;
  /** Cuts the client's socket without a closing handshake, as a network does. For tests. */
  cutClient(sessionId: string): boolean;
  /** Closes every data channel and stops listening for upgrades; sessions do not end. */
  close(): void;
}

export const GATEWAY_DEFAULTS = {
  openTimeoutMs: 5000,
  maxFrameBytes: 2 * 1024 * 1024,
  idleTimeoutMs: 20 * 60_000,
  socketLifetimeMs: 60 * 60_000,
  highWaterBytes: 1024 * 1024,
} as const;
