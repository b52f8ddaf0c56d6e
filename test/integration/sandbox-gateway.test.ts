import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createAgent } from '../../src/sandbox/agent/agent.ts';
import type { AgentKms } from '../../src/sandbox/agent/agent-encryption.ts';
import type { AgentOptions } from '../../src/sandbox/agent/agent.ts';
import { attachGateway } from '../../src/sandbox/gateway/gateway.ts';
import type { Gateway, GatewayOptions } from '../../src/sandbox/gateway/gateway-options.ts';
import { SessionRegistry } from '../../src/sandbox/session-registry.ts';
import type { SandboxSession } from '../../src/sandbox/session-registry.ts';
import { decodeMessage } from '../../src/session/protocol/message/message.ts';
import {
  dataFrame,
  handshakeResponse,
  openDataChannel,
  RawDataChannel,
} from './support/raw-data-channel.ts';

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
    await channel.deliver(1, 'hello');
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
    await channel.deliver(1, 'x');
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
    const rig = await startRig(await echo(), { documentName: 'AWS-StartNoSuchThing' });
    const channel = await open(rig);
    const closed = await channel.nextType('channel_closed');
    expect(JSON.parse(closed.payload.toString())).toMatchObject({
      Output: 'Document AWS-StartNoSuchThing is not supported by the sandbox agent',
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
    await channel.deliver(2, 'in time');
    expect((await readOutput(channel, 2, 7)).toString()).toBe('in time');
  });
});

describe('loss, repeats and disorder', () => {
  it('puts reordered and repeated messages right, and acknowledges each arrival', async () => {
    const rig = await startRig(await echo());
    const channel = await open(rig);
    await channel.shakeHands();
    await channel.deliver(1, 'a');
    for (const [number, text] of [
      [3, 'c'],
      [4, 'd'],
      [3, 'c'],
      [2, 'b'],
      [1, 'a'],
    ] as const) {
      channel.sendData(number, text);
      await channel.acknowledged(number);
    }
    expect((await readOutput(channel, 2, 4)).toString()).toBe('abcd');
  });

  it('sends again what the client does not acknowledge', async () => {
    const rig = await startRig(await farEnd((socket) => socket.write('banner')));
    const channel = await open(rig);
    await channel.shakeHands();
    const first = await channel.nextData(2);
    const second = await channel.nextData(2);
    expect(second).toEqual(first);
    channel.acknowledge(second);
  });

  it('recovers when the network drops frames of both directions', async () => {
    const sent = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index % 253));
    let count = 0;
    const rig = await startRig(await farEnd((socket) => socket.end(sent)), {
      onFrame: ({ frame, forward }) => {
        count += 1;
        // Every fifth frame is lost, every seventh comes twice.
        if (count % 5 === 0) return;
        forward(frame);
        if (count % 7 === 0) forward(frame);
      },
    });
    const channel = await open(rig);
    const acknowledging = (async () => {
      const request = await channel.nextData(0);
      channel.acknowledge(request);
      await channel.deliver(0, handshakeResponse(), 6);
    })();
    const payloads = new Map<number, Buffer>();
    let received = 0;
    // A plain receiver: acknowledge whatever comes, keep what is new.
    while (received < sent.length) {
      const message = await channel.next(
        ({ messageType, sequenceNumber }) =>
          messageType === 'output_stream_data' && sequenceNumber > 0,
      );
      channel.acknowledge(message);
      if (message.sequenceNumber < 2 || payloads.has(message.sequenceNumber)) continue;
      payloads.set(message.sequenceNumber, message.payload);
      received += message.payload.length;
    }
    await acknowledging;
    const inOrder = [...payloads].sort(([a], [b]) => a - b).map(([, payload]) => payload);
    expect(Buffer.concat(inOrder).equals(sent)).toBe(true);
  });
});

describe('opening', () => {
  async function refusal(url: string, headers: Record<string, string> = {}): Promise<number> {
    const channel = new RawDataChannel(url, headers);
    const [, response] = (await once(channel.socket, 'unexpected-response')) as [
      unknown,
      { statusCode: number },
    ];
    channel.socket.terminate();
    return response.statusCode;
  }

  it('refuses unknown sessions and paths before the upgrade', async () => {
    const rig = await startRig(await echo());
    const base = `ws://127.0.0.1:${rig.port}`;
    expect(await refusal(`${base}/v1/data-channel/dev-unknown?role=publish_subscribe`)).toBe(404);
    expect(await refusal(`${base}/v1/control-channel/i-1`)).toBe(404);
    expect(await refusal(`${base}/v1/data-channel/${rig.session.sessionId}`)).toBe(400);
    rig.registry.terminate(rig.session.sessionId, '');
    expect(await refusal(rig.url)).toBe(410);
  });

  it('refuses a bad signature with 403 and takes a good one', async () => {
    const rig = await startRig(await echo(), {
      authenticateUpgrade: ({ headers }) =>
        Promise.resolve(
          headers.authorization === 'good'
            ? { identity: { arn: 'arn:aws:iam::123456789012:user/dev' } }
            : { error: 'signature does not match' },
        ),
    });
    expect(await refusal(rig.url, { authorization: 'bad' })).toBe(403);
    const channel = new RawDataChannel(rig.url, { authorization: 'good' });
    await once(channel.socket, 'open');
  });

  it.each([
    [
      'a token of another session',
      (rig: Rig) => {
        const { sessionId: _id, status: _status, startedAtMs: _at, ...facts } = rig.session;
        const other = rig.registry.start({ ...facts, ownerName: 'dev' });
        return openDataChannel(rig.registry.issueToken(other.sessionId));
      },
    ],
    ['a made-up token', () => openDataChannel('made-up')],
    ['no OpenDataChannel', () => '{"MessageSchemaVersion":"1.0"}'],
    ['text that is no JSON', () => 'hello'],
    ['a binary frame', () => dataFrame(0, 'x')],
  ])('closes on %s', async (_name, first) => {
    const rig = await startRig(await echo());
    const channel = new RawDataChannel(rig.url);
    await once(channel.socket, 'open');
    channel.socket.send(first(rig));
    expect((await channel.closed).code).toBe(1008);
  });

  it('takes a token once', async () => {
    const rig = await startRig(await echo());
    const token = rig.registry.issueToken(rig.session.sessionId);
    const first = await RawDataChannel.open(rig.url, token);
    await first.nextData(0);
    const second = await RawDataChannel.open(rig.url, token);
    expect((await second.closed).code).toBe(1008);
    expect(first.socket.readyState).toBe(first.socket.OPEN);
  });

  it('closes a socket that says nothing', async () => {
    const rig = await startRig(await echo(), { limits: { openTimeoutMs: 20 } });
    expect((await new RawDataChannel(rig.url).closed).code).toBe(1008);
  });

  it('closes on a text frame after the opening', async () => {
    const rig = await startRig(await echo());
    const channel = await open(rig);
    await channel.nextData(0);
    channel.socket.send('text');
    expect((await channel.closed).code).toBe(1003);
  });

  it('pauses a client whose agent is away and starts it when the agent arrives', async () => {
    let isThere = false;
    const registry = new SessionRegistry();
    const farPort = await echo();
    const rig = await startRig(farPort, {
      agentFor: (session) =>
        isThere
          ? createAgent({
              session,
              registry,
              network: { connect: () => ({ host: '127.0.0.1', port: farPort }) },
            })
          : undefined,
    });
    const channel = await open(rig);
    await channel.nextType('pause_publication');
    isThere = true;
    rig.gateway.agentArrived(rig.session.sessionId);
    await channel.nextType('start_publication');
    await channel.shakeHands();
  });
});

describe('resuming', () => {
  it('continues the same session with a new token after a cut', async () => {
    let far: Socket | undefined;
    const rig = await startRig(await farEnd((socket) => (far = socket)));
    const first = await open(rig);
    await first.shakeHands();
    await first.deliver(1, 'before');
    rig.gateway.cutClient(rig.session.sessionId);
    await first.closed;
    await vi.waitFor(() => expect(rig.session.status).toBe('Disconnected'));
    far!.write('said while nobody listened');
    const second = await open(rig);
    const output = await second.nextData(2);
    second.acknowledge(output);
    expect(output.payload.toString()).toBe('said while nobody listened');
    expect(rig.session.status).toBe('Connected');
    // Numbers continue: no second handshake, and the far end sees one stream.
    const heard: Buffer[] = [];
    far!.on('data', (chunk) => heard.push(chunk));
    await second.deliver(2, ' after');
    await vi.waitFor(() => expect(Buffer.concat(heard).toString()).toBe('before after'));
  });

  it('loses what was in flight, and the agent sends it again', async () => {
    let cut = false;
    const rig = await startRig(await farEnd((socket) => socket.write('banner')), {
      // The frame with the banner leaves the agent, but the client is cut before it arrives.
      onFrame: ({ direction, frame, forward, sessionId }) => {
        const decoded = decodeMessage(frame);
        if (
          !cut &&
          direction === 'to-client' &&
          decoded.ok &&
          decoded.message.payload.toString() === 'banner'
        ) {
          cut = true;
          rig.gateway.cutClient(sessionId);
        }
        forward(frame);
      },
    });
    const first = await open(rig);
    await first.shakeHands();
    await first.closed;
    const second = await open(rig);
    for (;;) {
      // The acknowledgement of HandshakeComplete may have been lost as well.
      const message = await second.nextType('output_stream_data');
      second.acknowledge(message);
      if (message.sequenceNumber < 2) continue;
      expect(message.payload.toString()).toBe('banner');
      break;
    }
  });

  it('replaces the earlier socket when a second opens', async () => {
    const rig = await startRig(await echo());
    const first = await open(rig);
    await first.shakeHands();
    const second = await open(rig);
    expect((await first.closed).code).toBe(1000);
    await second.deliver(1, 'still here');
    expect((await readOutput(second, 2, 10)).toString()).toBe('still here');
    expect(rig.session.status).toBe('Connected');
  });

  it('says Bye when the socket has lived long enough, and the session goes on', async () => {
    const limits = { socketLifetimeMs: 50 };
    const rig = await startRig(await echo(), { limits });
    const first = await open(rig);
    expect(await first.closed).toEqual({ code: 1000, reason: 'Bye' });
    expect(first.count(({ messageType }) => messageType === 'channel_closed')).toBe(0);
    limits.socketLifetimeMs = 60_000;
    const second = await open(rig);
    await second.shakeHands();
    await second.deliver(1, 'x');
    expect((await readOutput(second, 2, 1)).toString()).toBe('x');
  });
});

describe('limits', () => {
  it('ends an idle session', async () => {
    const rig = await startRig(await echo(), { limits: { idleTimeoutMs: 50 } });
    const channel = await open(rig);
    const closed = await channel.nextType('channel_closed');
    expect(JSON.parse(closed.payload.toString())).toMatchObject({ Output: 'Session timed out' });
    expect(rig.session.status).toBe('Terminated');
  });

  it('pauses, then closes a client that keeps sending too fast', async () => {
    const rig = await startRig(await echo(), { limits: { rateLimit: 10 } });
    const channel = await open(rig);
    await channel.shakeHands();
    for (let number = 1; number <= 60; number += 1) channel.sendData(number, 'x');
    await channel.nextType('pause_publication');
    expect((await channel.closed).code).toBe(1008);
    // The session itself lives on, to be resumed.
    await vi.waitFor(() => expect(rig.session.status).toBe('Disconnected'));
  });

  it('closes on a frame above the bound', async () => {
    const rig = await startRig(await echo(), { limits: { maxFrameBytes: 2048 } });
    const channel = await open(rig);
    await channel.nextData(0);
    channel.sendData(0, Buffer.alloc(4096));
    expect((await channel.closed).code).toBe(1009);
  });

  it('stops reading the client while the far end takes nothing, and loses nothing', async () => {
    let far: Socket | undefined;
    const rig = await startRig(
      await farEnd((socket) => {
        far = socket;
        socket.pause();
      }),
    );
    const channel = await open(rig);
    await channel.shakeHands();
    await channel.deliver(1, 'x');
    const piece = Buffer.alloc(64 * 1024, 'p');
    const count = 400;
    for (let number = 2; number < 2 + count; number += 1) channel.sendData(number, piece);
    // 25 MiB do not fit into the sockets' buffers, so the client's socket backs up.
    await channel.acknowledged(2);
    await vi.waitFor(() => expect(channel.socket.bufferedAmount).toBeGreaterThan(0));
    let received = 0;
    const all = new Promise<void>((resolve) => {
      far!.on('data', (chunk) => {
        received += chunk.length;
        if (received === 1 + count * piece.length) resolve();
      });
    });
    expect(channel.socket.bufferedAmount).toBeGreaterThan(0);
    far!.resume();
    await all;
    await channel.acknowledged(1 + count);
  });

  it('stops reading the far end while the client takes nothing', async () => {
    const total = 64 * 1024 * 1024;
    let written = 0;
    const rig = await startRig(
      await farEnd((socket) => {
        const piece = Buffer.alloc(64 * 1024, 'p');
        const write = (): void => {
          while (written < total) {
            written += piece.length;
            if (!socket.write(piece)) return void socket.once('drain', write);
          }
        };
        write();
      }),
    );
    const channel = await open(rig);
    await channel.shakeHands();
    await channel.nextData(2);
    // Nothing is acknowledged: the window fills, and the far end's socket with it.
    await channel.nextData(2049);
    expect(written).toBeLessThan(total);
  });
});

describe('an encrypted session', () => {
  const dataKey = randomBytes(64);
  const kms: AgentKms = {
    keyId: 'arn:aws:kms:us-east-1:123456789012:key/example',
    decrypt: (ciphertext, context) =>
      ciphertext.toString() === JSON.stringify(context)
        ? Promise.resolve(Buffer.from(dataKey))
        : Promise.reject(new Error('InvalidCiphertextException')),
  };

  function seal(plaintext: Buffer | string): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', dataKey.subarray(32), nonce);
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  function unseal(wire: Buffer): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', dataKey.subarray(0, 32), wire.subarray(0, 12));
    decipher.setAuthTag(wire.subarray(-16));
    return Buffer.concat([decipher.update(wire.subarray(12, -16)), decipher.final()]);
  }

  /** Answers the handshake up to the encryption challenge, with this blob and acknowledgement. */
  async function answer(
    channel: RawDataChannel,
    ciphertextOf: (challenge: string) => string,
    acknowledges: boolean,
  ): Promise<void> {
    const request = await channel.nextData(0);
    channel.acknowledge(request);
    const { RequestedClientActions: actions } = JSON.parse(request.payload.toString()) as {
      RequestedClientActions: { ActionParameters: { KMSKeyId: string; Challenge: string } }[];
    };
    expect(actions[1]!.ActionParameters.KMSKeyId).toBe(kms.keyId);
    const response = JSON.parse(handshakeResponse()) as { ProcessedClientActions: unknown[] };
    response.ProcessedClientActions.push({
      ActionType: 'KMSEncryption',
      ActionStatus: 1,
      ActionResult: {
        KMSCipherTextKey: Buffer.from(
          ciphertextOf(actions[1]!.ActionParameters.Challenge),
        ).toString('base64'),
        KMSCipherTextHash: null,
        ChallengeAcknowledgement: acknowledges,
      },
      Error: '',
    });
    channel.sendData(0, JSON.stringify(response), 6);
  }

  const contextOf = (rig: Rig, challenge?: string): string =>
    JSON.stringify({
      'aws:ssm:SessionId': rig.session.sessionId,
      'aws:ssm:TargetId': rig.session.target,
      ...(challenge === undefined ? {} : { 'aws:ssm:RandomChallenge': challenge }),
    });

  it.each([true, false])('agrees on a key, challenge bound: %s', async (acknowledges) => {
    const rig = await startRig(await echo(), { agent: { kms } });
    const channel = await open(rig);
    await answer(
      channel,
      (challenge) => contextOf(rig, acknowledges ? challenge : undefined),
      acknowledges,
    );
    const request = await channel.nextData(1);
    channel.acknowledge(request);
    const { Challenge } = JSON.parse(request.payload.toString()) as { Challenge: string };
    const challenge = unseal(Buffer.from(Challenge, 'base64'));
    channel.sendData(1, JSON.stringify({ Challenge: seal(challenge).toString('base64') }), 9);
    const complete = await channel.nextData(2);
    channel.acknowledge(complete);
    expect(JSON.parse(complete.payload.toString())).toMatchObject({
      CustomerMessage: 'This session is encrypted using AWS KMS.',
    });
    await channel.deliver(2, seal('secret'));
    const output = await channel.nextData(3);
    expect(output.payload.includes('secret')).toBe(false);
    expect(unseal(output.payload).toString()).toBe('secret');
  });

  it('ends when the key is for another session, or unbound where binding is required', async () => {
    const wrong = await startRig(await echo(), { agent: { kms } });
    const first = await open(wrong);
    await answer(first, () => 'another context', false);
    const closed = await first.nextType('channel_closed');
    expect(JSON.parse(closed.payload.toString())).toMatchObject({
      Output: 'InvalidCiphertextException',
    });

    const strict = await startRig(await echo(), {
      agent: { kms: { ...kms, requireChallenge: true } },
    });
    const second = await open(strict);
    await answer(second, () => contextOf(strict), false);
    const refused = await second.nextType('channel_closed');
    expect(JSON.parse(refused.payload.toString())).toMatchObject({
      Output: 'client does not support required encryption context random challenge',
    });
  });

  it('ends when the challenge comes back wrong', async () => {
    const rig = await startRig(await echo(), { agent: { kms } });
    const channel = await open(rig);
    await answer(channel, () => contextOf(rig), false);
    await channel.nextData(1);
    channel.sendData(1, JSON.stringify({ Challenge: seal('guess').toString('base64') }), 9);
    const closed = await channel.nextType('channel_closed');
    expect(JSON.parse(closed.payload.toString())).toMatchObject({
      Output: 'Encryption challenge does not match!',
    });
  });
});
