import {
  HEADER_FLAG,
  PAYLOAD_TYPE,
} from '../../../../../src/session/protocol/message/constants.ts';
import {
  decodeMessage,
  encodeMessage,
} from '../../../../../src/session/protocol/message/message.ts';

interface Sent {
  frame: Buffer;
  sentAtMs: number;
}

const RESEND_AFTER_MS = 300;

let messageIds = 0;
export function nextMessageId(): string {
  messageIds += 1;
  return `00000000-0000-4000-8000-${messageIds.toString(16).padStart(12, '0')}`;
}

/**
 * The plainest far end that follows docs/protocol.md §4 to the letter, with time as an argument:
 * what the client engine is tested against. It acknowledges repeats, keeps early messages, resends
 * everything unacknowledged after 300 ms.
 */
export class SimulatedAgent {
  /** Payloads of Output messages from the client, in order. */
  readonly received: Buffer[] = [];
  /** Every data message that arrived, with its number, also repeats. */
  readonly arrivals: number[] = [];
  readonly handshakeResponses: unknown[] = [];
  flag: number | undefined;
  /** While true, input is neither taken nor acknowledged, as before the TCP connection is up. */
  isDeaf = false;
  #expected = 0;
  readonly #early = new Map<number, { payloadType: number; payload: Buffer }>();
  readonly #unacknowledged = new Map<number, Sent>();
  #nextNumber = 0;
  #outbox: Buffer[] = [];

  send(payloadType: number, payload: Buffer, nowMs: number): void {
    const sequenceNumber = this.#nextNumber++;
    const frame = encodeMessage({
      messageType: 'output_stream_data',
      schemaVersion: 1,
      createdDateMs: Math.floor(nowMs),
      sequenceNumber,
      flags: sequenceNumber === 0 ? HEADER_FLAG.syn : 0,
      messageId: nextMessageId(),
      payloadType,
      payload,
    });
    this.#unacknowledged.set(sequenceNumber, { frame, sentAtMs: nowMs });
    this.#outbox.push(frame);
  }

  requestHandshake(nowMs: number): void {
    const request = {
      AgentVersion: '3.3.987.0',
      RequestedClientActions: [
        {
          ActionType: 'SessionType',
          ActionParameters: { SessionType: 'Port', Properties: { portNumber: '22' } },
        },
      ],
    };
    this.send(PAYLOAD_TYPE.handshakeRequest, Buffer.from(JSON.stringify(request)), nowMs);
  }

  receive(bytes: Buffer, nowMs: number): void {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) throw new Error(`the client sent an invalid message: ${decoded.reason}`);
    const { message } = decoded;
    if (message.messageType === 'acknowledge') {
      const content = JSON.parse(message.payload.toString()) as Record<string, unknown>;
      this.#unacknowledged.delete(Number(content['AcknowledgedMessageSequenceNumber']));
      return;
    }
    this.arrivals.push(message.sequenceNumber);
    if (this.isDeaf && message.payloadType === PAYLOAD_TYPE.output) return;
    this.#acknowledge(message.messageId, message.sequenceNumber, nowMs);
    if (message.sequenceNumber < this.#expected) return;
    this.#early.set(message.sequenceNumber, message);
    for (;;) {
      const next = this.#early.get(this.#expected);
      if (next === undefined) return;
      this.#early.delete(this.#expected);
      this.#expected += 1;
      this.#take(next.payloadType, next.payload, nowMs);
    }
  }

  takeFrames(nowMs: number): Buffer[] {
    if (nowMs >= (this.deadlineMs ?? Infinity)) this.#resend(nowMs);
    const frames = this.#outbox;
    this.#outbox = [];
    return frames;
  }

  /** When something has to be sent again. */
  get deadlineMs(): number | undefined {
    // Entries are kept in order of their sending.
    for (const sent of this.#unacknowledged.values()) return sent.sentAtMs + RESEND_AFTER_MS;
    return undefined;
  }

  #resend(nowMs: number): void {
    for (const [sequenceNumber, sent] of this.#unacknowledged) {
      if (nowMs - sent.sentAtMs < RESEND_AFTER_MS) return;
      this.#unacknowledged.delete(sequenceNumber);
      this.#unacknowledged.set(sequenceNumber, { ...sent, sentAtMs: nowMs });
      this.#outbox.push(sent.frame);
    }
  }

  #take(payloadType: number, payload: Buffer, nowMs: number): void {
    if (payloadType === PAYLOAD_TYPE.handshakeResponse) {
      this.handshakeResponses.push(JSON.parse(payload.toString()));
      this.send(
        PAYLOAD_TYPE.handshakeComplete,
        Buffer.from('{"HandshakeTimeToComplete":1,"CustomerMessage":"hello"}'),
        nowMs,
      );
    } else if (payloadType === PAYLOAD_TYPE.flag) {
      this.flag = payload.readUInt32BE(0);
    } else if (payloadType === PAYLOAD_TYPE.output) {
      this.received.push(Buffer.from(payload));
    }
  }

  #acknowledge(messageId: string, sequenceNumber: number, nowMs: number): void {
    const content = {
      AcknowledgedMessageType: 'input_stream_data',
      AcknowledgedMessageId: messageId,
      AcknowledgedMessageSequenceNumber: sequenceNumber,
      IsSequentialMessage: true,
    };
    this.#outbox.push(
      encodeMessage({
        messageType: 'acknowledge',
        schemaVersion: 1,
        createdDateMs: Math.floor(nowMs),
        sequenceNumber: 0,
        flags: 3,
        messageId: nextMessageId(),
        payloadType: 0,
        payload: Buffer.from(JSON.stringify(content)),
      }),
    );
  }
}
