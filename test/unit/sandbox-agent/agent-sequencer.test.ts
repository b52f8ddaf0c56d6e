import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentSequencer } from '../../../src/sandbox/agent/agent-sequencer.ts';
import type { AgentSequencerOptions } from '../../../src/sandbox/agent/agent-sequencer.ts';
import { RetransmissionTimer } from '../../../src/sandbox/agent/retransmission-timer.ts';
import { decodeMessage, encodeMessage } from '../../../src/session/protocol/message/message.ts';
import type { ClientMessage } from '../../../src/session/protocol/message/message.ts';

const MESSAGE_ID = '0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0';
const OUTPUT = 1;
/** A message cannot be created at 0, so the tests' clock starts later. */
const T0 = 1000;

function message(fields: Partial<ClientMessage>): Buffer {
  return encodeMessage({
    messageType: 'input_stream_data',
    schemaVersion: 1,
    createdDateMs: 1,
    sequenceNumber: 0,
    flags: 0,
    messageId: MESSAGE_ID,
    payloadType: OUTPUT,
    payload: Buffer.alloc(0),
    ...fields,
  });
}

const data = (sequenceNumber: number, text: string): Buffer =>
  message({ sequenceNumber, payload: Buffer.from(text) });

const acknowledgement = (sequenceNumber: number): Buffer =>
  message({
    messageType: 'acknowledge',
    payload: Buffer.from(JSON.stringify({ AcknowledgedMessageSequenceNumber: sequenceNumber })),
  });

const service = (messageType: string): Buffer => message({ messageType });

/** An agent's sequencer with what it delivered, and its frames decoded. */
class Bench {
  readonly delivered: string[] = [];
  ready = true;
  readonly sequencer: AgentSequencer;

  constructor(options: Partial<AgentSequencerOptions> = {}) {
    this.sequencer = new AgentSequencer({
      deliver: (_payloadType, payload) => {
        if (this.ready) this.delivered.push(payload.toString());
        return this.ready;
      },
      newMessageId: () => MESSAGE_ID,
      ...options,
    });
  }

  receive(frame: Buffer, nowMs = T0): this {
    this.sequencer.receive(frame, nowMs);
    return this;
  }

  messages(): ClientMessage[] {
    return this.sequencer.takeFrames().map((frame) => {
      const decoded = decodeMessage(frame);
      if (!decoded.ok) throw new Error(decoded.reason);
      return decoded.message;
    });
  }

  /** The numbers acknowledged in what is to be sent now. */
  acknowledged(): number[] {
    return this.messages()
      .filter(({ messageType }) => messageType === 'acknowledge')
      .map(
        ({ payload }) =>
          (JSON.parse(payload.toString()) as { AcknowledgedMessageSequenceNumber: number })
            .AcknowledgedMessageSequenceNumber,
      );
  }

  /** The numbers of the data messages to be sent now. */
  sent(): number[] {
    return this.messages()
      .filter(({ messageType }) => messageType === 'output_stream_data')
      .map(({ sequenceNumber }) => sequenceNumber);
  }
}

describe('receiving', () => {
  it('acknowledges each message one by one, with the JSON of the protocol', () => {
    const bench = new Bench().receive(data(0, 'a'), 7);
    const [only] = bench.messages();
    expect(only).toEqual({
      messageType: 'acknowledge',
      schemaVersion: 1,
      createdDateMs: 7,
      sequenceNumber: 0,
      flags: 3,
      messageId: MESSAGE_ID,
      payloadType: 0,
      payload: Buffer.from(
        '{"AcknowledgedMessageType":"input_stream_data",' +
          `"AcknowledgedMessageId":"${MESSAGE_ID}",` +
          '"AcknowledgedMessageSequenceNumber":0,"IsSequentialMessage":true}',
      ),
    });
  });

  it('delivers in order whatever the order of arrival, each message once', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 30 })
          .chain((count) =>
            fc.tuple(fc.constant(count), fc.array(fc.nat({ max: count - 1 }), { maxLength: 100 })),
          ),
        ([count, noise]) => {
          const bench = new Bench();
          const inOrder = Array.from({ length: count }, (_, index) => index);
          for (const number of [...noise, ...inOrder]) {
            bench.receive(data(number, String(number)));
            // Every arrival is acknowledged: new, early or old.
            expect(bench.acknowledged()).toEqual([number]);
          }
          expect(bench.delivered).toEqual(inOrder.map(String));
        },
      ),
    );
  });

  it('acknowledges what came already again, without delivering it again', () => {
    const bench = new Bench().receive(data(0, 'a')).receive(data(0, 'a'));
    expect(bench.acknowledged()).toEqual([0, 0]);
    expect(bench.delivered).toEqual(['a']);
  });

  it('drops early messages without a word when its buffer is full', () => {
    const bench = new Bench({ maxBufferedMessages: 2 });
    for (const number of [1, 2, 3]) bench.receive(data(number, String(number)));
    expect(bench.acknowledged()).toEqual([1, 2]);
    for (const number of [0, 3]) bench.receive(data(number, String(number)));
    expect(bench.delivered).toEqual(['0', '1', '2', '3']);
    const bytes = new Bench({ maxBufferedBytes: 10 });
    for (const number of [1, 2]) bytes.receive(data(number, 'sixsix'));
    expect(bytes.acknowledged()).toEqual([1]);
  });

  it('does not acknowledge what cannot be taken yet', () => {
    const bench = new Bench();
    bench.ready = false;
    bench.receive(data(0, 'a'));
    expect(bench.messages()).toEqual([]);
    bench.ready = true;
    bench.receive(data(0, 'a'));
    expect(bench.acknowledged()).toEqual([0]);
    expect(bench.delivered).toEqual(['a']);
  });

  it('ignores the header flags and acknowledges empty payloads', () => {
    const bench = new Bench();
    bench.receive(message({ flags: 3, payload: Buffer.from('a') }));
    bench.receive(message({ sequenceNumber: 1 }));
    expect(bench.acknowledged()).toEqual([0, 1]);
    expect(bench.delivered).toEqual(['a', '']);
  });

  it.each([
    ['a created date of zero', (frame: Buffer) => frame.fill(0, 40, 48)],
    ['a payload that does not match its digest', (frame: Buffer) => frame.fill(1, 120)],
    ['noise', () => Buffer.from('noise')],
  ])('drops %s silently', (_name, spoil) => {
    const bench = new Bench().receive(spoil(data(0, 'a')));
    expect(bench.messages()).toEqual([]);
    expect(bench.delivered).toEqual([]);
  });
});

describe('sending', () => {
  it('numbers from 0 and marks only the first message with SYN', () => {
    const bench = new Bench();
    for (const text of ['a', '', 'b']) bench.sequencer.send(OUTPUT, Buffer.from(text), 5);
    expect(
      bench.messages().map(({ sequenceNumber, flags, createdDateMs, payload }) => ({
        sequenceNumber,
        flags,
        createdDateMs,
        text: payload.toString(),
      })),
    ).toEqual([
      { sequenceNumber: 0, flags: 1, createdDateMs: 5, text: 'a' },
      { sequenceNumber: 1, flags: 0, createdDateMs: 5, text: 'b' },
    ]);
  });

  it('sends only the oldest unacknowledged message again, once it is older than the timeout', () => {
    const bench = new Bench();
    for (const text of ['a', 'b', 'c']) bench.sequencer.send(OUTPUT, Buffer.from(text), T0);
    expect(bench.sent()).toEqual([0, 1, 2]);
    expect(bench.sequencer.nextCheckAtMs).toBe(T0 + 100);
    const resent: [number, number[]][] = [];
    for (let sinceMs = 100; sinceMs <= 800; sinceMs += 100) {
      bench.sequencer.check(T0 + sinceMs);
      resent.push([sinceMs, bench.sent()]);
    }
    // 200 ms at first, and the check must find it older than that.
    expect(resent.filter(([, numbers]) => numbers.length > 0)).toEqual([
      [300, [0]],
      [600, [0]],
    ]);
    bench.receive(acknowledgement(0), T0 + 800);
    bench.sequencer.check(T0 + 900);
    expect(bench.sent()).toEqual([1]);
  });

  it('has nothing to do once everything is acknowledged, in any order', () => {
    const bench = new Bench();
    for (const text of ['a', 'b']) bench.sequencer.send(OUTPUT, Buffer.from(text), T0);
    bench.receive(acknowledgement(1)).receive(acknowledgement(1));
    expect(bench.sequencer.unacknowledgedCount).toBe(1);
    bench.receive(acknowledgement(0)).receive(acknowledgement(99));
    expect(bench.sequencer.unacknowledgedCount).toBe(0);
    bench.sequencer.check(T0 + 100);
    expect(bench.sequencer.nextCheckAtMs).toBeUndefined();
  });

  it.each(['start_publication', 'data', 'acknowledge'])(
    'goes on after a pause with %s',
    (wakes) => {
      const bench = new Bench().receive(service('pause_publication'));
      bench.sequencer.send(OUTPUT, Buffer.from('a'), T0);
      bench.sequencer.check(T0 + 1000);
      expect(bench.sent()).toEqual([]);
      expect(bench.sequencer.isPaused).toBe(true);
      // Acknowledgements go all the same, but receiving data ends the pause.
      if (wakes === 'data') bench.receive(data(0, 'x'), T0 + 1000);
      else if (wakes === 'acknowledge') bench.receive(acknowledgement(5), T0 + 1000);
      else bench.receive(service('start_publication'), T0 + 1000);
      expect(bench.sequencer.isPaused).toBe(false);
      bench.sequencer.check(T0 + 1100);
      expect(bench.sent()).toEqual([0]);
    },
  );

  it('ignores acknowledgements that are no JSON', () => {
    const bench = new Bench();
    bench.sequencer.send(OUTPUT, Buffer.from('a'), T0);
    for (const text of ['', '{', 'null', '[]', '{"AcknowledgedMessageSequenceNumber":"0"}']) {
      bench.receive(message({ messageType: 'acknowledge', payload: Buffer.from(text) }));
    }
    expect(bench.sequencer.unacknowledgedCount).toBe(1);
  });
});

describe('the resend timeout', () => {
  const vectors = JSON.parse(
    readFileSync(
      new URL('../../vectors/session-manager/retransmission-timeout.json', import.meta.url),
      'utf8',
    ),
  ) as {
    initial: { timeoutMs: number };
    samples: { roundTripSampleMs: number; timeoutMs: number }[];
  };

  it('follows the recorded samples', () => {
    const timer = new RetransmissionTimer();
    expect(timer.timeoutMs).toBe(vectors.initial.timeoutMs);
    for (const { roundTripSampleMs, timeoutMs } of vectors.samples) {
      timer.sample(roundTripSampleMs);
      expect(timer.timeoutMs).toBeCloseTo(timeoutMs, 4);
    }
  });
});
