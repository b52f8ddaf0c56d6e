import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { Connections } from '../../../../src/aws/connections.ts';
import { GatewaySocket } from '../../../../src/session/transport/gateway-socket.ts';
import { isNetworkTrouble } from '../../../../src/session/transport/resume-plan.ts';
import { closedAtOnce } from '../../../../src/session/transport/session-failure.ts';

it('tells a frame that no gateway sends from trouble of the network, which passes', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket) => {
    socket.on('error', () => undefined);
    socket.send(Buffer.alloc(2 * 1024 * 1024));
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const closed = new Promise<{ code: number; reason: string }>((resolve, reject) => {
    const handlers = {
      onFrame: () => undefined,
      onHeard: () => undefined,
      onDrain: () => undefined,
      onClose: (code: number, reason: string) => resolve({ code, reason }),
    };
    const url = new URL(`ws://127.0.0.1:${port}/`);
    const { signal } = new AbortController();
    GatewaySocket.open(url, {}, handlers, signal, new Connections({})).catch(reject);
  });
  const end = await closed;
  server.close();
  expect(end).toEqual({ code: 1002, reason: 'Max payload size exceeded' });
  const error = closedAtOnce(end);
  expect(error.message).toContain('is not of the protocol: Max payload size exceeded');
  expect(isNetworkTrouble(error)).toBe(false);
  expect(isNetworkTrouble(closedAtOnce({ code: 1006, reason: '' }))).toBe(true);
});
