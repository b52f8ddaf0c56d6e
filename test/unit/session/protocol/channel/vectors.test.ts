import { describe, expect, it } from 'vitest';
import { agentAbilities } from '../../../../../src/session/protocol/channel/agent-version.ts';
import {
  handshakeResponse,
  openDataChannelRequest,
} from '../../../../../src/session/protocol/channel/handshake.ts';
import { RetransmissionTimeout } from '../../../../../src/session/protocol/channel/retransmission-timeout.ts';
import { readVector } from '../../../../vectors/read-vector.ts';

interface TimeoutVector {
  initial: { smoothedMs: number; variationMs: number; timeoutMs: number };
  samples: {
    roundTripSampleMs: number;
    smoothedMs: number;
    variationMs: number;
    timeoutMs: number;
  }[];
}

describe('recorded behaviour of the peers', () => {
  it('computes the retransmission timeout as they do', () => {
    const { initial, samples } = readVector(
      'session-manager/retransmission-timeout.json',
    ) as TimeoutVector;
    const timeout = new RetransmissionTimeout();
    expect(timeout).toMatchObject(initial);
    for (const { roundTripSampleMs, ...expected } of samples) {
      timeout.sample(roundTripSampleMs);
      expect(timeout.smoothedMs).toBeCloseTo(expected.smoothedMs, 9);
      expect(timeout.variationMs).toBeCloseTo(expected.variationMs, 9);
      expect(timeout.timeoutMs).toBe(expected.timeoutMs);
    }
  });

  it.each(readVector('session-manager/agent-version-gates.json') as { agentVersion: string }[])(
    'gates features of agent $agentVersion',
    ({ agentVersion, ...abilities }) => {
      expect(agentAbilities(agentVersion)).toEqual(abilities);
    },
  );

  it('writes the handshake response as the recorded client', () => {
    const messages = readVector('session-manager/client-messages.json') as {
      name: string;
      payloadBase64: string;
    }[];
    const recorded = messages.find((message) => message.name === 'handshake response')!;
    const response = handshakeResponse('1.2.0.0', [
      { ActionType: 'SessionType', ActionStatus: 1, ActionResult: null, Error: '' },
    ]);
    expect(response.toString()).toBe(Buffer.from(recorded.payloadBase64, 'base64').toString());
  });

  it('opens a data channel with the fields in their order', () => {
    const text = openDataChannelRequest({
      requestId: 'r',
      tokenValue: 't',
      clientId: 'c',
      clientVersion: '1.2.3.4',
    });
    expect(text).toBe(
      '{"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"t","ClientId":"c","ClientVersion":"1.2.3.4"}',
    );
  });
});
