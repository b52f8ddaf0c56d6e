import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createAgent } from '../../src/sandbox/agent/agent.ts';
import type { AgentOptions } from '../../src/sandbox/agent/agent.ts';
import { attachGateway } from '../../src/sandbox/gateway/gateway.ts';
import type { Gateway, GatewayOptions } from '../../src/sandbox/gateway/gateway-options.ts';
import { SessionRegistry } from '../../src/sandbox/session-registry.ts';
import type { SandboxSession } from '../../src/sandbox/session-registry.ts';
import { handshakeResponse, RawDataChannel } from './support/raw-data-channel.ts';

interface Rig {
  registry: SessionRegistry;
  gateway: Gateway;
  port: number;
  session: SandboxSession;
  url: string;
}

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** A TCP server on loopback standing for the instance's port 22. */
async function farEnd(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    cleanups.push(() => socket.destroy());
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const echo = (): Promise<number> => farEnd((socket) => socket.pipe(socket));

async function startRig(
  farPort: number,
  options: Partial<GatewayOptions> & {
    agent?: Partial<AgentOptions>;
    documentName?: string;
  } = {},
): Promise<Rig> {
  const { agent: agentOptions, documentName = 'AWS-StartSSHSession', ...gatewayOptions } = options;
  const registry = new SessionRegistry();
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const gateway = attachGateway({
    server,
    registry,
    authenticateUpgrade: () => Promise.resolve('absent'),
    agentFor: (session) =>
      createAgent({
        session,
        registry,
        network: { connect: () => ({ host: '127.0.0.1', port: farPort }) },
        endDelayMs: 0,
        ...agentOptions,
      }),
    ...gatewayOptions,
  });
  cleanups.push(() => {
    gateway.close();
    server.closeAllConnections();
    server.close();
  });
  const session = registry.start({
    target: 'i-0123456789abcdef0',
    documentName,
    parameters: { portNumber: ['22'] },
    ownerArn: 'arn:aws:iam::123456789012:user/dev',
    ownerUserId: 'AIDAEXAMPLE',
    ownerName: 'dev',
  });
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/v1/data-channel/${session.sessionId}?role=publish_subscribe`;
  return { registry, gateway, port, session, url };
}

function open(rig: Rig): Promise<RawDataChannel> {
  return RawDataChannel.open(rig.url, rig.registry.issueToken(rig.session.sessionId));
}

/** Reads `byteCount` bytes of output from number `from` on, acknowledging as they come. */
async function readOutput(
  channel: RawDataChannel,
  from: number,
  byteCount: number,
): Promise<Buffer> {
  const payloads: Buffer[] = [];
  let received = 0;
  for (let number = from; received < byteCount; number += 1) {
    const message = await channel.nextData(number);
    channel.acknowledge(message);
    payloads.push(message.payload);
    received += message.payload.length;
  }
  return Buffer.concat(payloads);
}

describe('a data channel', () => {
  it('shakes hands as the agent does, then carries bytes both ways', async () => {
    const rig = await startRig(await echo());
    const channel = await open(rig);
    const { request, complete } = await channel.shakeHands();
    expect(request).toEqual({
      AgentVersion: '3.3.987.0',
      RequestedClientActions: [
        {
          ActionType: 'SessionType',
          ActionParameters: { SessionType: 'Port', Properties: { portNumber: '22' } },
        },
      ],
    });
    expect(complete).toEqual({
      HandshakeTimeToComplete: expect.any(Number) as number,
      CustomerMessage: '',
    });
    // A request numbered 0 carries SYN; nothing else does.
    channel.sendData(1, 'hello');
    await channel.acknowledged(1);
    expect((await readOutput(channel, 2, 5)).toString()).toBe('hello');
  });

  it('puts 1024 bytes in a message and keeps them exact', async () => {
    const sent = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) % 251));
    const rig = await startRig(await farEnd((socket) => socket.end(sent)));
    const channel = await open(rig);
    await channel.shakeHands();
    const received = await readOutput(channel, 2, sent.length);
    expect(received.equals(sent)).toBe(true);
  });

  it('ends the session when the far end closes, once everything was acknowledged', async () => {
    const rig = await startRig(await farEnd((socket) => socket.end('bye')));
    const channel = await open(rig);
    await channel.shakeHands();
    const message = await channel.nextData(2);
    expect(rig.session.status).toBe('Connected');
    channel.acknowledge(message);
    const closed = await channel.nextType('channel_closed');
    expect(JSON.parse(closed.payload.toString())).toEqual({
      MessageId: expect.any(String) as string,
      CreatedDate: expect.any(String) as string,
      DestinationId: 'i-0123456789abcdef0',
      SessionId: rig.session.sessionId,
      MessageType: 'channel_closed',
      SchemaVersion: 1,
      Output: '',
    });
    expect((await channel.closed).code).toBe(1000);
    expect(rig.session.status).toBe('Terminated');
  });

  it('ends on the TerminateSession flag', async () => {
    const rig = await startRig(await echo());
    const channel = await open(rig);
    await channel.shakeHands();
    // The agent takes flags only once its TCP connection is up.
    channel.sendData(1, 'x');
    await readOutput(channel, 2, 1);
    channel.terminate(2);
    await channel.acknowledged(2);
    await channel.nextType('channel_closed');
    expect(rig.session.status).toBe('Terminated');
  });

  it('says why when the session is terminated from outside', async () => {
    const rig = await startRig(await echo());
    const channel = await open(rig);
    await channel.shakeHands();
    rig.registry.terminate(rig.session.sessionId, 'Session terminated by an administrator');
    const closed = await channel.nextType('channel_closed');
    expect(JSON.parse(closed.payload.toString())).toMatchObject({
      Output: 'Session terminated by an administrator',
    });
    expect((await channel.closed).code).toBe(1000);
  });

  it('is silent but for a pause when the port is refused', async () => {
    const server = createTcpServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const rig = await startRig(port);
    const channel = await open(rig);
    await channel.shakeHands();
    await channel.nextType('pause_publication');
    expect(rig.session.status).toBe('Connected');
  });

  it('ends with the reason when the document is not served', async () => {
    const rig = await startRig(await echo(), { documentName: 'AWS-StartPortForwardingSession' });
    const channel = await open(rig);
    const closed = await channel.nextType('channel_closed');
    expect(JSON.parse(closed.payload.toString())).toMatchObject({
      Output: 'Document AWS-StartPortForwardingSession is not supported by the sandbox agent',
    });
  });

  it('ends when the client does not answer the handshake, or answers wrongly', async () => {
    const silent = await startRig(await echo(), { agent: { handshakeTimeoutMs: 20 } });
    const closed = await (await open(silent)).nextType('channel_closed');
    expect(JSON.parse(closed.payload.toString())).toMatchObject({ Output: 'Handshake timed out' });

    const wrong = await startRig(await echo());
    const channel = await open(wrong);
    channel.sendData(0, handshakeResponse(3), 6);
    const refused = await channel.nextType('channel_closed');
    expect(JSON.parse(refused.payload.toString())).toMatchObject({
      Output: 'Handshake failed: SessionType failed on client with status 3 error: ',
    });
  });

  it('throws away what comes before HandshakeComplete, and acknowledges it', async () => {
    const rig = await startRig(await echo());
    const channel = await open(rig);
    channel.sendData(0, 'too early');
    await channel.acknowledged(0);
    channel.sendData(1, handshakeResponse(), 6);
    channel.acknowledge(await channel.nextData(0));
    channel.acknowledge(await channel.nextData(1));
    channel.sendData(2, 'in time');
    expect((await readOutput(channel, 2, 7)).toString()).toBe('in time');
  });
});
