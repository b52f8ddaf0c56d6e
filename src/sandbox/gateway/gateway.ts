import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { SandboxSession } from '../session-registry.ts';
import { GATEWAY_DEFAULTS } from './gateway-options.ts';
import type { Gateway, GatewayOptions } from './gateway-options.ts';
import { parseDataChannelUrl, parseOpenDataChannel } from './open-data-channel.ts';
import { SessionRelay } from './session-relay.ts';

/**
 * Serves the message gateway (`ssmmessages`) on an HTTP server's upgrades:
 * `/v1/data-channel/<SessionId>?role=publish_subscribe`. Refusals before the upgrade are HTTP 4xx;
 * a wrong first frame or token closes the socket (docs/protocol.md §1).
 */
export function attachGateway(options: GatewayOptions): Gateway {
  const { server, registry } = options;
  const limits = options.limits ?? {};
  const relays = new Map<string, SessionRelay>();
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.maxFrameBytes ?? GATEWAY_DEFAULTS.maxFrameBytes,
  });

  const relayOf = (session: SandboxSession): SessionRelay => {
    const { sessionId } = session;
    let relay = relays.get(sessionId);
    if (relay === undefined) {
      relay = new SessionRelay({
        session,
        limits,
        agentFor: options.agentFor,
        onFrame: options.onFrame,
        onIdle: () => void registry.terminate(sessionId, 'Session timed out'),
      });
      relays.set(sessionId, relay);
    }
    return relay;
  };

  const opened = (socket: WebSocket, transport: Duplex, session: SandboxSession): void => {
    // A peer's broken frame closes its socket; ws needs a listener all the same.
    socket.on('error', () => undefined);
    const timer = setTimeout(
      () => socket.close(1008, 'OpenDataChannel expected'),
      limits.openTimeoutMs ?? GATEWAY_DEFAULTS.openTimeoutMs,
    );
    socket.once('close', () => clearTimeout(timer));
    socket.once('message', (data, isBinary) => {
      clearTimeout(timer);
      const open = isBinary ? undefined : parseOpenDataChannel((data as Buffer).toString('utf8'));
      if (open === undefined) socket.close(1008, 'OpenDataChannel expected');
      else if (!registry.redeemToken(session.sessionId, open.tokenValue)) {
        socket.close(1008, 'Token is not valid');
      } else relayOf(session).openClient(socket, transport);
    });
  };

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const url = parseDataChannelUrl(request.url);
    if (!url.ok) {
      // Another listener may serve other paths of the same server.
      if (url.foreign && server.listenerCount('upgrade') > 1) return;
      refuse(socket, url.status, url.reason);
      return;
    }
    const session = registry.get(url.sessionId);
    if (session === undefined) {
      refuse(socket, 404, 'unknown session');
      return;
    }
    if (session.status === 'Terminated') {
      refuse(socket, 410, 'session has ended');
      return;
    }
    const authentication = await options.authenticateUpgrade(request, session);
    if (authentication !== 'absent' && 'error' in authentication) {
      refuse(socket, 403, authentication.error);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => opened(client, socket, session));
  };

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Until the upgrade is done a reset must not become an uncaught error.
    const ignore = (): void => undefined;
    socket.on('error', ignore);
    upgrade(request, socket, head).catch(() => refuse(socket, 500, 'internal error'));
  };

  server.on('upgrade', onUpgrade);
  registry.onTerminate((session, reason) => {
    const relay = relays.get(session.sessionId);
    relays.delete(session.sessionId);
    relay?.end(reason);
  });

  return {
    agentArrived: (sessionId) => relays.get(sessionId)?.findAgent(),
    cutClient: (sessionId) => relays.get(sessionId)?.cut() ?? false,
    close: () => {
      server.off('upgrade', onUpgrade);
      for (const relay of relays.values()) relay.dispose();
      relays.clear();
      for (const client of sockets.clients) client.terminate();
      sockets.close();
    },
  };
}

/** Answers an upgrade request with an HTTP error, as the service does before it switches. */
function refuse(socket: Duplex, status: number, reason: string): void {
  const body = JSON.stringify({ message: reason });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n` +
      'Connection: close\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
