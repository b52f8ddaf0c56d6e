import { DevaccessError, errorLine } from '../../platform/errors.ts';
import type { ChannelEvent } from '../protocol/channel/channel-event.ts';
import { GatewayOpenError, PROTOCOL_ERROR } from './gateway-socket.ts';

/** Systems Manager gives no token: the session has ended while the connection was gone. */
export function sessionOver(sessionId: string, why: string): DevaccessError {
  return new DevaccessError(
    'DA_SESSION_OVER',
    `The connection was lost (${why}) and session ${sessionId} is over: Systems Manager gives no token to resume it.`,
    { next: 'connect again.' },
  );
}

/** Resuming was given up; the reason is that of the last attempt. */
export function resumeFailed(sessionId: string, why: string, error: unknown): DevaccessError {
  const what = `The connection was lost (${why}) and session ${sessionId} could not be resumed`;
  if (error instanceof GatewayOpenError || !(error instanceof DevaccessError)) {
    return new DevaccessError('DA_RESUME', `${what}: ${errorLine(error)}`, {
      next: 'check the network and connect again.',
      cause: error,
    });
  }
  return new DevaccessError(error.code, `${what}: ${error.message}`, {
    exitCode: error.exitCode,
    cause: error,
    ...(error.next === undefined ? {} : { next: error.next }),
  });
}

/** The data channel could not be opened for the first time. */
export function gatewayUnreachable(error: unknown): DevaccessError {
  if (error instanceof DevaccessError) return error;
  const isRefused = error instanceof GatewayOpenError && error.status === 403;
  const network =
    'allow HTTPS and WebSockets to ssmmessages in your network, proxy or VPC endpoint policy.';
  return new DevaccessError(
    'DA_GATEWAY',
    `The message gateway could not be reached: ${errorLine(error)}`,
    {
      next: isRefused
        ? `allow ssmmessages:OpenDataChannel in IAM (devaccess iam policy); else ${network}`
        : network,
      cause: error,
    },
  );
}

export function handshakeTimedOut(target: string, afterMs: number): DevaccessError {
  return new DevaccessError(
    'DA_HANDSHAKE',
    `The agent on ${target} did not finish its handshake within ${afterMs / 1000} s.`,
    {
      next: 'check that the node is online (its agent may be starting or overloaded) and try again.',
    },
  );
}

/** The peer broke the protocol. */
export function channelFailed(
  target: string,
  { failure, detail }: ChannelEvent & { type: 'failed' },
): DevaccessError {
  return new DevaccessError(
    failure === 'encryption-failed' ? 'DA_ENCRYPTION' : 'DA_PROTOCOL',
    `The session with ${target} was ended: ${detail}.`,
  );
}

export function dataKeyFailed(error: unknown): DevaccessError {
  if (error instanceof DevaccessError) return error;
  return new DevaccessError(
    'DA_ENCRYPTION',
    `The session asks for encryption with a KMS key, which failed: ${errorLine(error)}`,
    { cause: error },
  );
}

/** A socket that closed before anything came of it, as the error of an attempt. */
export function closedAtOnce({ code, reason }: { code: number; reason: string }): GatewayOpenError {
  const why = reason === '' ? '' : ` ${reason}`;
  if (code === PROTOCOL_ERROR) {
    // It would be sent again for ever.
    return new GatewayOpenError(`what came is not of the protocol:${why}`, 400);
  }
  // A policy violation is how the gateway refuses a token; the rest may be the network.
  return new GatewayOpenError(
    `the message gateway closed the connection with ${code}${why}`,
    code === 1008 ? 403 : undefined,
  );
}
