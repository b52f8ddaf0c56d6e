import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { FLAG, PAYLOAD_TYPE } from '../../../src/session/protocol/message/constants.ts';
import { decodeMessage, encodeMessage } from '../../../src/session/protocol/message/message.ts';
import type { ClientMessage } from '../../../src/session/protocol/message/message.ts';

/**
 * A data channel spoken by hand, message by message, so that a test says exactly what is on the
 * wire. Received messages are read in order with `next`.
 */
export class RawDataChannel {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #messages: ClientMessage[] = [];
  #waiting: (() => void)[] = [];

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, { perMessageDeflate: false, headers });
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake();
      });
    });
    this.socket.on('message', (data) => {
      const decoded = decodeMessage(data as Buffer);
      if (!decoded.ok) throw new Error(`the gateway sent an invalid message: ${decoded.reason}`);
      this.#messages.push(decoded.message);
      this.#wake();
    });
  }

  /** Opens the socket and sends OpenDataChannel with this token. */
  static async open(url: string, token: string): Promise<RawDataChannel> {
    const channel = new RawDataChannel(url);
    await once(channel.socket, 'open');
    channel.socket.send(openDataChannel(token));
    return channel;
  }

  /** The first message not read yet that fits; others before it stay to be read. */
  async next(fits: (message: ClientMessage) => boolean): Promise<ClientMessage> {
    for (;;) {
      const index = this.#messages.findIndex(fits);
      if (index >= 0) return this.#messages.splice(index, 1)[0]!;
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('the channel was closed');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  nextType(messageType: string): Promise<ClientMessage> {
    return this.next((message) => message.messageType === messageType);
  }

  nextData(sequenceNumber: number): Promise<ClientMessage> {
    return this.next(
      (message) =>
        message.messageType === 'output_stream_data' && message.sequenceNumber === sequenceNumber,
    );
  }

  /** The acknowledgement of one of our numbers. */
  async acknowledged(sequenceNumber: number): Promise<void> {
    await this.next(
      (message) =>
        message.messageType === 'acknowledge' &&
        (JSON.parse(message.payload.toString()) as Record<string, unknown>)
          .AcknowledgedMessageSequenceNumber === sequenceNumber,
    );
  }

  /** How many received messages were not read and fit. */
  count(fits: (message: ClientMessage) => boolean): number {
    return this.#messages.filter(fits).length;
  }

  sendData(sequenceNumber: number, payload: Buffer | string, payloadType = 1): void {
    this.socket.send(dataFrame(sequenceNumber, payload, payloadType));
  }

  /**
   * Sends one message until it is acknowledged, as every client must: right after the handshake the
   * agent drops data until its TCP connection is up.
   */
  async deliver(sequenceNumber: number, payload: Buffer | string, payloadType = 1): Promise<void> {
    const again = setInterval(() => this.sendData(sequenceNumber, payload, payloadType), 100);
    try {
      this.sendData(sequenceNumber, payload, payloadType);
      await this.acknowledged(sequenceNumber);
    } finally {
      clearInterval(again);
    }
  }

  acknowledge(message: ClientMessage): void {
    const content = {
      AcknowledgedMessageType: message.messageType,
      AcknowledgedMessageId: message.messageId,
      AcknowledgedMessageSequenceNumber: message.sequenceNumber,
      IsSequentialMessage: true,
    };
    this.socket.send(
      encodeMessage({
        messageType: 'acknowledge',
        schemaVersion: 1,
        createdDateMs: Date.now(),
        sequenceNumber: 0,
        flags: 3,
        messageId: randomUUID(),
        payloadType: 0,
        payload: Buffer.from(JSON.stringify(content)),
      }),
    );
  }

  terminate(sequenceNumber: number): void {
    const flag = Buffer.alloc(4);
    flag.writeUInt32BE(FLAG.terminateSession);
    this.sendData(sequenceNumber, flag, PAYLOAD_TYPE.flag);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Reads the HandshakeRequest (0), answers it (0) and reads HandshakeComplete (1). */
  async shakeHands(): Promise<{ request: unknown; complete: unknown }> {
    const request = await this.nextData(0);
    this.acknowledge(request);
    this.sendData(0, handshakeResponse(), PAYLOAD_TYPE.handshakeResponse);
    await this.acknowledged(0);
    const complete = await this.nextData(1);
    this.acknowledge(complete);
    return {
      request: JSON.parse(request.payload.toString()),
      complete: JSON.parse(complete.payload.toString()),
    };
  }
}

export function openDataChannel(token: string): string {
  return JSON.stringify({
    MessageSchemaVersion: '1.0',
    RequestId: randomUUID(),
    TokenValue: token,
    ClientId: randomUUID(),
    ClientVersion: '1.2.792.0',
  });
}

export function dataFrame(
  sequenceNumber: number,
  payload: Buffer | string,
  payloadType = 1,
): Buffer {
  return encodeMessage({
    messageType: 'input_stream_data',
    schemaVersion: 1,
    createdDateMs: Date.now(),
    sequenceNumber,
    flags: 0,
    messageId: randomUUID(),
    payloadType,
    payload: Buffer.from(payload),
  });
}

export function handshakeResponse(status = 1): string {
  return JSON.stringify({
    ClientVersion: '1.2.792.0',
    ProcessedClientActions: [
      { ActionType: 'SessionType', ActionStatus: status, ActionResult: null, Error: '' },
    ],
    Errors: null,
  });
}
