import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FLAG, PAYLOAD_TYPE } from '../../../../../src/session/protocol/message/constants.ts';
import {
  decodeMessage,
  encodeMessage,
} from '../../../../../src/session/protocol/message/message.ts';
import { readVector } from '../../../../vectors/read-vector.ts';
import { nextMessageId } from './simulated-agent.ts';
import { CALM, connected, download, SimulatedNetwork, upload } from './simulated-network.ts';
import type { Weather } from './simulated-network.ts';

function publication(messageType: 'pause_publication' | 'start_publication'): Buffer {
  return encodeMessage({
    messageType,
    schemaVersion: 1,
    createdDateMs: 1,
    sequenceNumber: 0,
    flags: 0,
    messageId: nextMessageId(),
    payloadType: 0,
    payload: Buffer.alloc(0),
  });
}

describe('client channel', () => {
  it('answers the handshake and tells what the agent said', () => {
    const network = connected();
    expect(network.agent.handshakeResponses).toEqual([
      {
        ClientVersion: '1.2.764.0',
        ProcessedClientActions: [
          { ActionType: 'SessionType', ActionStatus: 1, ActionResult: null, Error: '' },
        ],
        Errors: null,
      },
    ]);
    expect(network.events).toContainEqual(
      expect.objectContaining({ type: 'ready', customerMessage: 'hello' }),
    );
    expect(network.client.session).toMatchObject({
      agentVersion: '3.3.987.0',
      sessionType: 'Port',
      properties: { portNumber: '22' },
    });
  });

  it('acknowledges with the recorded bytes', () => {
    const messages = readVector('session-manager/client-messages.json') as Record<string, string>[];
    const recorded = messages.find((message) => message['name'] === 'acknowledge')!;
    const messageId = recorded['messageId']!;
    const network = new SimulatedNetwork(CALM, 1, { randomUuid: () => messageId });
    const early = encodeMessage({
      messageType: 'output_stream_data',
      schemaVersion: 1,
      createdDateMs: 1,
      sequenceNumber: 41,
      flags: 0,
      messageId,
      payloadType: PAYLOAD_TYPE.output,
      payload: Buffer.from('early'),
    });
    network.client.receive(early, Number(recorded['createdDateMs']));
    const [frame] = network.client.takeFrames(1_700_000_000_123);
    expect(frame!.toString('hex')).toBe(recorded['wireHex']);
  });

  it('refuses actions it does not know, each by name', () => {
    const network = new SimulatedNetwork(CALM, 1);
    const request = { AgentVersion: '3.3.0.0', RequestedClientActions: [{ ActionType: 'Dance' }] };
    network.agent.send(
      PAYLOAD_TYPE.handshakeRequest,
      Buffer.from(JSON.stringify(request)),
      network.nowMs,
    );
    network.runUntil(() => network.agent.handshakeResponses.length > 0, 1000);
    expect(network.agent.handshakeResponses[0]).toMatchObject({
      ProcessedClientActions: [{ ActionType: 'Dance', ActionStatus: 3 }],
    });
  });

  it.each([
    ['EXIT_CODE: 3', 3],
    ['EXIT_CODE: -1', -1],
    ['0', 0],
  ])('reads the exit code %s', (text, code) => {
    const network = connected();
    network.agent.send(PAYLOAD_TYPE.exitCode, Buffer.from(text), network.nowMs);
    network.runUntil(() => network.events.some(({ type }) => type === 'exit-code'), 1000);
    expect(network.events).toContainEqual({ type: 'exit-code', code });
  });

  it('goes on without a handshake when told to, and with the one that comes after all', () => {
    const network = new SimulatedNetwork(CALM, 1);
    network.client.assumeReady();
    expect(network.client.isReady).toBe(true);
    expect(network.client.takeEvents()).toEqual([expect.objectContaining({ type: 'ready' })]);
    network.client.assumeReady();
    expect(network.client.takeEvents()).toEqual([]);
    network.agent.requestHandshake(network.nowMs);
    network.runUntil(() => network.events.some(({ type }) => type === 'ready'), 1000);
    expect(network.agent.handshakeResponses).toHaveLength(1);
    expect(network.client.session.sessionType).toBe('Port');
  });

  it('takes no handshake once output has come without one', () => {
    const network = new SimulatedNetwork(CALM, 1);
    network.client.assumeReady();
    network.agent.send(PAYLOAD_TYPE.output, Buffer.from('$ '), network.nowMs);
    network.runUntil(() => network.events.some(({ type }) => type === 'output'), 1000);
    network.agent.send(PAYLOAD_TYPE.handshakeRequest, Buffer.from('{}'), network.nowMs);
    network.runUntil(() => network.agent.deadlineMs === undefined, 2000);
    expect(network.client.statistics.droppedMessages).toEqual({ 'second-handshake': 1 });
    expect(network.client.isReady).toBe(true);
  });

  it.each<[string, Weather]>([
    ['a calm network', CALM],
    ['1 % loss', { loss: 0.01, duplicate: 0, delayMs: 50, jitterMs: 0 }],
    ['20 % loss', { loss: 0.2, duplicate: 0, delayMs: 20, jitterMs: 0 }],
    ['everything twice', { loss: 0, duplicate: 1, delayMs: 20, jitterMs: 0 }],
    ['heavy reordering', { loss: 0, duplicate: 0, delayMs: 20, jitterMs: 80 }],
    ['400 ms round trips', { loss: 0.005, duplicate: 0, delayMs: 400, jitterMs: 20 }],
    ['all of it', { loss: 0.1, duplicate: 0.1, delayMs: 100, jitterMs: 100 }],
  ])('moves bytes exactly through %s', (_name, weather) => {
    const data = randomBytes(512 * 1024);
    for (const seed of [1, 2, 3]) {
      const network = connected(weather, seed);
      upload(network, data, 120_000);
      expect(Buffer.concat(network.agent.received).equals(data)).toBe(true);
      download(network, data, 120_000);
      expect(Buffer.concat(network.output).equals(data)).toBe(true);
    }
  });

  it('loses nothing when the connection is cut again and again', () => {
    const data = randomBytes(1024 * 1024);
    const network = connected({ ...CALM, delayMs: 40 });
    let offered = 0;
    let nextCut = 100_000;
    network.runUntil(() => {
      while (offered < data.length && network.client.wantsInput) {
        network.client.sendInput(data.subarray(offered, offered + 16_384), network.nowMs);
        offered += 16_384;
      }
      if (network.agent.received.length * 1024 > nextCut) {
        nextCut += 100_000;
        network.cut();
      }
      return offered >= data.length && network.client.isDrained;
    }, 60_000);
    expect(Buffer.concat(network.agent.received).equals(data)).toBe(true);
  });

  it('repeats on the next socket the acknowledgements that were lost with the last one', () => {
    const network = connected();
    for (let message = 0; message < 200; message += 1) {
      network.agent.send(PAYLOAD_TYPE.output, Buffer.from([message]), network.nowMs);
    }
    for (const frame of network.agent.takeFrames(network.nowMs)) {
      network.client.receive(frame, network.nowMs);
    }
    // The acknowledgements are made, and lost with the socket.
    network.client.takeFrames(network.nowMs);
    network.cut();
    const repeated = network.client.takeFrames(network.nowMs);
    for (const frame of repeated) network.agent.receive(frame, network.nowMs);
    expect(network.agent.deadlineMs).toBeUndefined();
    // Not for ever: what is older than a second has arrived.
    network.nowMs += 1500;
    network.agent.send(PAYLOAD_TYPE.output, Buffer.from('later'), network.nowMs);
    for (const frame of network.agent.takeFrames(network.nowMs)) {
      network.client.receive(frame, network.nowMs);
    }
    network.cut();
    expect(network.client.takeFrames(network.nowMs)).toHaveLength(1);
  });

  it('comes to its data on a path that is cut among the repeated acknowledgements each time', () => {
    const network = connected();
    for (let message = 0; message < 200; message += 1) {
      network.agent.send(PAYLOAD_TYPE.output, Buffer.from([message]), network.nowMs);
    }
    for (const frame of network.agent.takeFrames(network.nowMs)) {
      network.client.receive(frame, network.nowMs);
    }
    network.client.sendInput(Buffer.from('at last'), network.nowMs);
    let cuts = 0;
    const type = (frame: Buffer): string => {
      const decoded = decodeMessage(frame);
      return decoded.ok ? decoded.message.messageType : '';
    };
    // Forty frames get through each time.
    while (
      !network.client.takeFrames(network.nowMs).slice(0, 40).map(type).includes('input_stream_data')
    ) {
      network.cut();
      cuts += 1;
      expect(cuts).toBeLessThan(10);
    }
  });

  it('resends what the agent dropped while its port was not open yet', () => {
    const network = connected();
    network.agent.isDeaf = true;
    network.client.sendInput(Buffer.from('SSH-2.0-client\r\n'), network.nowMs);
    network.runUntil(
      () => network.agent.arrivals.filter((number) => number === 1).length === 2,
      1000,
    );
    expect(network.client.hasDeliveredInput).toBe(false);
    network.agent.isDeaf = false;
    network.runUntil(() => network.client.isDrained, 2000);
    expect(Buffer.concat(network.agent.received).toString()).toBe('SSH-2.0-client\r\n');
    expect(network.client.hasDeliveredInput).toBe(true);
  });

  it('holds data back while paused, keeps it, and goes on', () => {
    const network = connected();
    network.client.receive(publication('pause_publication'), network.nowMs);
    network.client.sendInput(Buffer.from('kept'), network.nowMs);
    expect(network.client.takeFrames(network.nowMs)).toEqual([]);
    network.client.receive(publication('start_publication'), network.nowMs);
    network.runUntil(() => network.client.isDrained, 1000);
    expect(Buffer.concat(network.agent.received).toString()).toBe('kept');
  });

  it('tries a single message now and then during a pause, and goes on once it is taken', () => {
    const network = connected();
    network.client.receive(publication('pause_publication'), network.nowMs);
    const data = randomBytes(8192);
    network.client.sendInput(data, network.nowMs);
    const arrived = network.agent.arrivals.length;
    network.agent.isDeaf = true;
    network.runFor(25_000);
    expect(network.agent.arrivals.slice(arrived)).toEqual([1, 1]);
    expect(network.client.isPaused).toBe(true);
    network.agent.isDeaf = false;
    network.runUntil(() => network.client.isDrained, 10_000);
    expect(Buffer.concat(network.agent.received).equals(data)).toBe(true);
  });

  it('keeps its bounds when the far end never acknowledges', () => {
    const network = connected();
    network.agent.isDeaf = true;
    let taken = 0;
    for (let turn = 0; turn < 100; turn += 1) {
      while (network.client.wantsInput) network.client.sendInput(Buffer.alloc(1024), network.nowMs);
      taken += network.client.takeFrames(network.nowMs).length;
    }
    expect(taken).toBe(256);
    expect(network.client.wantsInput).toBe(false);
  });

  it('paces data messages, not acknowledgements', () => {
    const network = connected(CALM, 1, { pace: { perSecond: 100, burst: 10 } });
    const start = network.nowMs + 10_000;
    network.nowMs = start;
    while (network.client.wantsInput) network.client.sendInput(Buffer.alloc(1024), start);
    expect(network.client.takeFrames(start)).toHaveLength(10);
    expect(network.client.takeFrames(start + 10)).toHaveLength(1);
    expect(network.client.takeFrames(start + 60)).toHaveLength(5);
    network.agent.send(PAYLOAD_TYPE.output, Buffer.from('x'), start + 60);
    for (const frame of network.agent.takeFrames(start + 60))
      network.client.receive(frame, start + 60);
    const frames = network.client.takeFrames(start + 60);
    const types = frames.map((frame) => {
      const decoded = decodeMessage(frame);
      return decoded.ok ? decoded.message.messageType : '';
    });
    expect(types).toContain('acknowledge');
    expect(types).not.toContain('input_stream_data');
  });

  it('sends the TerminateSession flag as a numbered message', () => {
    const network = connected();
    network.client.sendFlag(FLAG.terminateSession, network.nowMs);
    network.runUntil(() => network.agent.flag !== undefined, 1000);
    expect(network.agent.flag).toBe(FLAG.terminateSession);
  });

  it('takes an old agent without a handshake as ready', () => {
    const network = new SimulatedNetwork(CALM, 1);
    network.agent.send(PAYLOAD_TYPE.output, Buffer.from('$ '), network.nowMs);
    network.runUntil(() => network.output.length > 0, 1000);
    expect(network.client.isReady).toBe(true);
    expect(network.client.session.agentVersion).toBe('');
  });

  it('drops output that comes before the handshake is complete, unacknowledged', () => {
    const network = new SimulatedNetwork(CALM, 1);
    network.agent.requestHandshake(network.nowMs);
    for (const frame of network.agent.takeFrames(network.nowMs))
      network.client.receive(frame, network.nowMs);
    expect(network.client.takeFrames(network.nowMs)).toHaveLength(2);
    network.agent.send(PAYLOAD_TYPE.output, Buffer.from('too soon'), network.nowMs);
    for (const frame of network.agent.takeFrames(network.nowMs))
      network.client.receive(frame, network.nowMs);
    expect(network.client.takeFrames(network.nowMs)).toEqual([]);
    expect(network.client.takeEvents().filter((event) => event.type === 'output')).toEqual([]);
  });

  it('reports the reason of channel_closed and takes nothing more', () => {
    const network = connected();
    const closed = encodeMessage({
      messageType: 'channel_closed',
      schemaVersion: 1,
      createdDateMs: 1,
      sequenceNumber: 0,
      flags: 0,
      messageId: nextMessageId(),
      payloadType: 0,
      payload: Buffer.from('{"Output":"Session timed out"}'),
    });
    network.client.receive(closed, network.nowMs);
    expect(network.client.takeEvents()).toEqual([
      { type: 'closed', output: 'Session timed out', isIncomplete: false },
    ]);
    expect(network.client.isEnded).toBe(true);
    network.agent.send(PAYLOAD_TYPE.output, Buffer.from('late'), network.nowMs);
    for (const frame of network.agent.takeFrames(network.nowMs))
      network.client.receive(frame, network.nowMs);
    expect(network.client.takeEvents()).toEqual([]);
  });
});
