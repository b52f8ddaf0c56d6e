import type { Socket } from 'node:net';
import { DevaccessError } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import type { SessionFacts } from '../protocol/channel/channel-event.ts';
import type { Flow } from '../flow.ts';
import type { SessionApi, SessionRequest } from '../session-api.ts';
import { startSession } from '../start-session.ts';
import { SessionConnection } from '../transport/session-connection.ts';
import type { SessionEnd } from '../transport/session-connection.ts';
import { BasicTunnel } from './basic-tunnel.ts';
import { MuxTunnel } from './mux-tunnel.ts';

/** One port session that carries local connections to a port of the far end. */
export interface Tunnel {
  /** Takes over a local connection (half-open allowed, paused), to its end. */
  attach(socket: Socket): void;
  /** Connections it carries now. */
  readonly connections: number;
  /** It has taken nothing, or was not read, for a while: another session is a better place. */
  readonly isHeldUp: boolean;
  /** As many connections as one session serves well where there may be more sessions. */
  readonly fairShare: number;
  /** Bytes carried up and down so far. */
  readonly bytes: { up: number; down: number };
}

/** What a tunnel needs of its session, and what the session tells it. */
export interface TunnelLink {
  readonly wantsInput: boolean;
  /** Everything sent has been acknowledged. */
  readonly isDrained: boolean;
  /** Output is missing in the middle; it will come. */
  readonly hasGap: boolean;
  sendInput(bytes: Buffer): void;
  sendDisconnect(): void;
  setSinkFull(isFull: boolean): void;
  /** The session broke its own rules; ends it. */
  abort(error: DevaccessError): void;
}

export interface TunnelPlumbing extends Tunnel {
  receive(payload: Buffer): void;
  connectToPortError(): void;
  wantsInput(): void;
  /** The session is over: every connection is reset. */
  end(): void;
}

export interface TunnelEvents {
  onInterruption(isInterrupted: boolean, why: string): void;
  /** The destination refused a connection. */
  onRefused(): void;
  onMessage(text: string): void;
  /** Once, after the tunnel was ready. */
  onEnd(end: SessionEnd): void;
}

export interface TunnelOptions {
  api: SessionApi;
  request: SessionRequest;
  log: Log;
  flow?: Flow | undefined;
  /** As of a session's connection. */
  renewCredentials?: (() => Promise<boolean>) | undefined;
  events: TunnelEvents;
  /** Gives up a tunnel that is not ready yet. */
  signal: AbortSignal;
}

/** A tunnel and the session under it. */
export interface StartedTunnel {
  readonly tunnel: Tunnel;
  readonly sessionId: string;
  readonly facts: SessionFacts;
  /** It has taken nothing, or was not read, for a while, though its connection is there. */
  readonly isHeldUp: boolean;
  /** Ends the session at the agent. */
  close(): Promise<void>;
}

const CLOSE_GRACE_MS = 2_000;

/**
 * Starts a session and waits until connections can be attached. The agent's version and the
 * session's type decide between many connections at once (smux) and one at a time.
 *
 * @throws DevaccessError when the session cannot start, or was given up; nothing is left open then
 */
export async function startTunnel(options: TunnelOptions): Promise<StartedTunnel> {
  const { api, request, events, signal } = options;
  const session = await startSession(api, request, signal);
  if (session === undefined) throw gaveUp(request.target);
  options.log.event('started', { sessionId: session.sessionId, target: request.target });
  let tunnel: TunnelPlumbing | undefined;
  let connection: SessionConnection | undefined;
  let isHandedOver = false;
  let ended: SessionEnd | undefined;
  let isInterrupted = false;
  const ready = new Promise<SessionFacts>((resolve, reject) => {
    connection = new SessionConnection({
      api,
      sessionId: session.sessionId,
      target: request.target,
      ticket: session,
      log: options.log,
      renewCredentials: options.renewCredentials,
      flow: options.flow,
      handlers: {
        onReady: (facts, customerMessage) => {
          if (customerMessage !== '') events.onMessage(customerMessage);
          if (connection !== undefined) tunnel = plumbing(facts, connection, events);
          resolve(facts);
        },
        onOutput: (payload) => tunnel?.receive(payload),
        onStdErr: () => undefined,
        onExitCode: () => undefined,
        onConnectToPortError: () => tunnel?.connectToPortError(),
        onWantsInput: () => tunnel?.wantsInput(),
        onInterruption: (isLost, why) => {
          isInterrupted = isLost;
          events.onInterruption(isLost, why);
        },
        onEnd: (end) => {
          ended = end;
          tunnel?.end();
          if (isHandedOver) events.onEnd(end);
          else reject(endError(end, request.target));
        },
      },
    });
    connection.open().catch(reject);
  });
  const giveUp = (): void => void connection?.terminate(CLOSE_GRACE_MS);
  signal.addEventListener('abort', giveUp);
  try {
    if (signal.aborted) giveUp();
    const facts = await ready;
    // Ready and over in the same breath.
    if (ended !== undefined) throw endError(ended, request.target);
    if (tunnel === undefined || connection === undefined) throw new Error('ready without a tunnel');
    const live = connection;
    const readyTunnel = tunnel;
    isHandedOver = true;
    return {
      tunnel,
      sessionId: session.sessionId,
      facts,
      get isHeldUp() {
        return !isInterrupted && readyTunnel.isHeldUp;
      },
      close: async () => {
        await live.terminate(CLOSE_GRACE_MS);
        await live.settled();
      },
    };
  } catch (error) {
    // Without a connection its stream address was refused; the session is open all the same.
    await (connection?.terminate(0) ?? api.terminate(session.sessionId).catch(() => undefined));
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function gaveUp(target: string): DevaccessError {
  return new DevaccessError('DA_SESSION_ENDED', `The session with ${target} was given up.`);
}

/** A session's end as an error for a person. */
export function endError(end: SessionEnd, target: string): DevaccessError {
  if (end.kind === 'failed') return end.error;
  const output = end.kind === 'closed-by-service' ? end.output.trim().replace(/\.$/, '') : '';
  const reason = output === '' ? '' : `: ${output}`;
  return new DevaccessError('DA_SESSION_ENDED', `The session with ${target} ended${reason}.`, {
    next: 'connect again.',
  });
}

function plumbing(
  facts: SessionFacts,
  connection: SessionConnection,
  events: TunnelEvents,
): TunnelPlumbing {
  const isMultiplexed =
    facts.properties['type'] === 'LocalPortForwarding' && facts.abilities.tcpMultiplexing;
  if (!isMultiplexed) return new BasicTunnel(connection);
  return new MuxTunnel(connection, {
    keepAlive: !facts.abilities.smuxKeepAliveDisabled,
    onRefused: () => events.onRefused(),
    onMessage: (text) => events.onMessage(text),
  });
}
