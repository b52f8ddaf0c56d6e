import type { AgentAbilities } from './agent-version.ts';

/** What the agent told about the session in its handshake. */
export interface SessionFacts {
  agentVersion: string;
  abilities: AgentAbilities;
  /** `Port`, `Standard_Stream`, …; empty from an agent without a handshake. */
  sessionType: string;
  properties: Record<string, unknown>;
}

/** Why a channel cannot go on, whatever the socket does. */
export type ProtocolFailure = 'handshake-refused' | 'encryption-failed' | 'agent-unresponsive';

/** What happened on the channel, in order. */
export type ChannelEvent =
  | { type: 'ready'; session: SessionFacts; customerMessage: string }
  | { type: 'output'; payload: Buffer }
  | { type: 'std-err'; payload: Buffer }
  | { type: 'exit-code'; code: number }
  | { type: 'connect-to-port-error' }
  /** The host must fetch a KMS data key and call `provideDataKey` or `refuseDataKey`. */
  | { type: 'data-key-needed'; keyId: string; randomChallenge: string | undefined }
  | { type: 'paused' }
  | { type: 'resumed' }
  /** The service ended the session; `isIncomplete` when a message before the end never came. */
  | { type: 'closed'; output: string; isIncomplete: boolean }
  | { type: 'failed'; failure: ProtocolFailure; detail: string };
