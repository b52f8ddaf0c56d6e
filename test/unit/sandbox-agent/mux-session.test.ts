import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MuxSession } from '../../../src/sandbox/agent/mux-session.ts';
import { planSession } from '../../../src/sandbox/agent/session-plan.ts';
import type { SessionChannel } from '../../../src/sandbox/agent/session-type.ts';
import type { SandboxSession } from '../../../src/sandbox/session-registry.ts';
import { FLAG, PAYLOAD_TYPE } from '../../../src/session/protocol/message/constants.ts';
import {
  encodeSmuxFrame,
  SMUX_COMMAND,
  SmuxDecoder,
} from '../../../src/session/protocol/smux/frame.ts';

const { fin, nop, psh, syn } = SMUX_COMMAND;

/** What the agent says, frame by frame, in order. */
class RecordingChannel implements SessionChannel {
  readonly said: string[] = [];
  readonly ended: string[] = [];
  readonly #decoder = new SmuxDecoder();

  canSend(): boolean {
    return true;
  }

  send(payloadType: number, payload: Buffer): void {
    if (payloadType === PAYLOAD_TYPE.flag) this.said.push(`flag ${payload.readUInt32BE(0)}`);
    else {
      for (const { command, streamId, data } of this.#decoder.push(payload)) {
        const name = Object.entries(SMUX_COMMAND).find(([, value]) => value === command)?.[0];
        this.said.push(`${name} ${streamId} ${data.toString()}`.trim());
      }
    }
  }

  holdClient(): void {
    // Nothing here is full.
  }

  finish(): void {
    throw new Error('a multiplexed session does not finish by itself');
  }

  terminate(reason: string): void {
    this.ended.push(reason);
  }

  die(): void {
    throw new Error('a multiplexed session does not die');
  }

  async saidThis(text: string): Promise<void> {
    await vi.waitFor(() => expect(this.said).toContain(text), 5_000);
  }
}

let server: Server;
let channel: RecordingChannel;
let session: MuxSession;
let sockets: Socket[];

beforeEach(async () => {
  sockets = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => socket.write(`got ${data.toString()}`));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  channel = new RecordingChannel();
  session = multiplexed((server.address() as AddressInfo).port);
});
afterEach(() => {
  session.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});

function multiplexed(port: number): MuxSession {
  const address = { host: '127.0.0.1', port };
  return new MuxSession(channel, { address, pace: 'off', keepAlive: false });
}

function say(...frames: Buffer[]): void {
  for (const frame of frames) session.receive(PAYLOAD_TYPE.output, frame);
}

describe('a multiplexed session of the sandbox’s agent', () => {
  it('serves streams apart, whatever the messages are cut into', async () => {
    const bytes = Buffer.concat([
      encodeSmuxFrame(syn, 3),
      encodeSmuxFrame(syn, 5),
      encodeSmuxFrame(psh, 5, Buffer.from('five')),
      encodeSmuxFrame(nop, 0),
      encodeSmuxFrame(psh, 3, Buffer.from('three')),
    ]);
    for (const byte of bytes) say(Buffer.of(byte));
    await channel.saidThis('psh 3 got three');
    await channel.saidThis('psh 5 got five');
  });

  it('says that a destination refuses, then closes its stream', async () => {
    server.close();
    await once(server, 'close');
    say(encodeSmuxFrame(syn, 3), encodeSmuxFrame(psh, 3, Buffer.from('x')));
    await channel.saidThis('fin 3');
    expect(channel.said).toEqual([`flag ${FLAG.connectToPortError}`, 'fin 3']);
    expect(channel.ended).toEqual([]);
  });

  it('closes both ways at the client’s FIN: what comes back is thrown away', async () => {
    say(encodeSmuxFrame(syn, 3), encodeSmuxFrame(psh, 3, Buffer.from('one')));
    await channel.saidThis('psh 3 got one');
    say(encodeSmuxFrame(psh, 3, Buffer.from('two')), encodeSmuxFrame(fin, 3));
    await channel.saidThis('fin 3');
    await once(sockets[0]!, 'end');
    expect(channel.said).toEqual(['psh 3 got one', 'fin 3']);
  });

  it('closes the stream when the destination does, and ignores streams it does not know', async () => {
    say(encodeSmuxFrame(syn, 3), encodeSmuxFrame(psh, 3, Buffer.from('one')));
    await channel.saidThis('psh 3 got one');
    sockets[0]!.end();
    await channel.saidThis('fin 3');
    say(encodeSmuxFrame(psh, 3, Buffer.from('late')), encodeSmuxFrame(fin, 9));
    expect(channel.said).toEqual(['psh 3 got one', 'fin 3']);
  });

  it('ends when the framing is broken', () => {
    say(Buffer.from([2, 0, 0, 0, 3, 0, 0, 0]));
    expect(channel.ended).toEqual(['']);
  });
});

describe('what a forwarding document announces', () => {
  const settings = {
    network: { connect: () => undefined },
    instanceId: 'i-1',
    pace: 'off',
    agentVersion: '3.3.987.0',
    node: { homeDirectory: '/' },
  } as const;

  function planned(documentName: string, parameters: Record<string, string[]>) {
    const plan = planSession({ documentName, parameters } as unknown as SandboxSession, settings);
    if (!plan.ok) throw new Error(plan.reason);
    return plan.plan;
  }

  it.each([
    [
      'AWS-StartPortForwardingSession',
      { portNumber: ['80'], localPortNumber: ['8080'] },
      { portNumber: '80', localPortNumber: '8080', type: 'LocalPortForwarding' },
    ],
    [
      'AWS-StartPortForwardingSessionToRemoteHost',
      { portNumber: ['80'], host: ['db'] },
      { portNumber: '80', localPortNumber: '0', host: 'db', type: 'LocalPortForwarding' },
    ],
    [
      'AWS-StartPortForwardingSessionToSocket',
      { portNumber: ['80'], localUnixSocket: ['/tmp/s'] },
      {
        portNumber: '80',
        localConnectionType: 'unix',
        localUnixSocket: '/tmp/s',
        type: 'LocalPortForwarding',
      },
    ],
  ])('%s', (name, parameters, properties) => {
    const { request } = planned(name, parameters);
    expect(request).toEqual({ SessionType: 'Port', Properties: properties });
  });

  it('is refused for the services of the instance itself', () => {
    const parameters = { portNumber: ['80'], host: ['169.254.169.254'] };
    planned('AWS-StartPortForwardingSessionToRemoteHost', parameters).start(channel, '1.2.764.0');
    expect(channel.ended).toEqual(['Forwarding to IP address 169.254.169.254 is forbidden.']);
  });
});
