import type { AwsCredentialIdentity } from '@smithy/types';
import type { DataKey } from './protocol/channel/channel-encryption.ts';

/** What opens a data channel: an address and a token that opens it once. */
export interface StreamTicket {
  streamUrl: string;
  tokenValue: string;
}

/** What StartSession answers. */
export type StartedSession = StreamTicket & { sessionId: string };

/** What StartSession is asked for. Every parameter value is a list (docs/protocol.md §1). */
export interface SessionRequest {
  target: string;
  /** Without one the account's shell. */
  documentName?: string;
  parameters: Record<string, string[]>;
  reason?: string;
}

/**
 * The Systems Manager calls that a session needs over its life. Every call resolves credentials
 * anew, so that a resume after an hour uses the renewed ones. All reject with DevaccessError.
 */
export interface SessionApi {
  readonly region: string;
  /** Hosts of endpoints that the person configured; a stream address may point there. */
  readonly configuredHosts: readonly string[];
  /** The message gateway that the person configured: the stream goes there. */
  readonly gateway?: URL | undefined;
  /** @param onSent called when the request is on its way: time to prepare for the answer */
  start(request: SessionRequest, onSent?: () => void): Promise<StartedSession>;
  /** undefined: the session is over. The stream address may be missing: keep the old one. */
  resume(sessionId: string): Promise<{ streamUrl?: string; tokenValue: string } | undefined>;
  terminate(sessionId: string): Promise<void>;
  /** The current credentials, to sign the WebSocket upgrade. */
  credentials(): Promise<AwsCredentialIdentity>;
  /** The time to sign it with: the service's, where this clock is wrong. */
  readonly now: Date;
  generateDataKey(keyId: string, context: Record<string, string>): Promise<DataKey>;
}
