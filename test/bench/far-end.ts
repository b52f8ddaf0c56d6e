/**
 * The cheapest far end that keeps the protocol: StartSession, a message gateway and an agent in
 * one, doing one SHA-256 and one acknowledgement for each message and nothing else. Port 1 takes
 * what is sent; port 2 sends, and then closes the channel. How much is said by the target.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hash, randomUUID } from 'node:crypto';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { PAYLOAD_TYPE } from '../../src/session/protocol/message/constants.ts';
import { decodeMessage, encodeMessage } from '../../src/session/protocol/message/message.ts';

const PAYLOAD = Buffer.alloc(1024, 7);
const WINDOW = 4096;
/** Past this a token bucket of 900 messages is empty. */
const BURST = 1 << 20;

/** A transfer as the far end saw it. */
export interface Transfer {
  /** From the first data message to the last, or its acknowledgement. */
  seconds: number;
  /** The same from the second MiB on, which a burst does not reach; 0 for shorter ones. */
  sustainedSeconds: number;
}

/** An instance id that tells the far end how much to take or send. */
export function targetFor(kibibytes: number): string {
  return `i-${kibibytes.toString(16).padStart(17, '0')}`;
}

/** @returns the port it listens on */
export async function startFarEnd(onTransfer: (transfer: Transfer) => void): Promise<number> {
  const http = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { Parameters, Target = '' } = JSON.parse(body === '' ? '{}' : body) as {
        Parameters?: { portNumber: string[] };
        Target?: string;
      };
      // The gateway is reached by the way of the request, which may be a slow one.
      const port = Number(request.headers.host?.split(':')[1]);
      const mode = Parameters?.portNumber[0] ?? '1';
      const answer = {
        SessionId: `bench-${randomUUID()}`,
        TokenValue: 'token',
        StreamUrl: streamUrl(port, mode, Number.parseInt(Target.slice(2), 16)),
      };
      response.setHeader('content-type', 'application/x-amz-json-1.1').end(JSON.stringify(answer));
    });
  });
  const gateway = new WebSocketServer({ server: http, perMessageDeflate: false });
  gateway.on('connection', (socket, request) => {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams;
    serve(socket, query.get('mode') === '2', Number(query.get('kib')), onTransfer);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return (http.address() as AddressInfo).port;
}

export function streamUrl(port: number, mode: string, kibibytes: number): string {
  return `ws://127.0.0.1:${port}/v1/data-channel/x?mode=${mode}&kib=${kibibytes}`;
}

function serve(
  socket: WebSocket,
  isSource: boolean,
  kibibytes: number,
  onTransfer: (transfer: Transfer) => void,
): void {
  const toSend = isSource ? kibibytes : 0;
  const clock = new TransferClock(kibibytes * 1024);
  let sent = 0;
  let acknowledged = 0;
  let isReady = false;
  const count = (bytes: number): void => {
    const transfer = clock.count(bytes);
    if (transfer !== undefined) onTransfer(transfer);
  };
  const send = (payloadType: number, payload: Buffer): void => {
    socket.send(message('output_stream_data', sent, payloadType, payload));
    sent += 1;
  };
  const fill = (): void => {
    while (
      isReady &&
      sent - 2 < toSend &&
      sent - acknowledged < WINDOW &&
      socket.bufferedAmount < 1 << 20
    ) {
      clock.begin();
      send(PAYLOAD_TYPE.output, PAYLOAD);
    }
    if (isReady && toSend > 0 && acknowledged === toSend + 2) {
      socket.send(message('channel_closed', 0, 0, Buffer.from('{"Output":""}')));
    }
  };
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) {
      const request = {
        AgentVersion: '3.3.0.0',
        RequestedClientActions: [
          {
            ActionType: 'SessionType',
            ActionParameters: { SessionType: 'Port', Properties: { portNumber: '1' } },
          },
        ],
      };
      send(PAYLOAD_TYPE.handshakeRequest, Buffer.from(JSON.stringify(request)));
      return;
    }
    const decoded = decodeMessage(data);
    if (!decoded.ok) throw new Error(decoded.reason);
    const { messageType, messageId, sequenceNumber, payloadType, payload } = decoded.message;
    if (messageType === 'acknowledge') {
      acknowledged += 1;
      if (isSource && acknowledged > 2) count(PAYLOAD.length);
      fill();
      return;
    }
    socket.send(
      message('acknowledge', 0, 0, acknowledgement('input_stream_data', messageId, sequenceNumber)),
    );
    if (payloadType === PAYLOAD_TYPE.output) count(payload.length);
    if (payloadType === PAYLOAD_TYPE.flag)
      socket.send(message('channel_closed', 0, 0, Buffer.from('{"Output":""}')));
    if (payloadType === PAYLOAD_TYPE.handshakeResponse) {
      send(PAYLOAD_TYPE.handshakeComplete, Buffer.from('{}'));
      isReady = true;
      fill();
    }
  });
}

class TransferClock {
  readonly #total: number;
  #bytes = 0;
  #startMs: number | undefined;
  #pastBurstMs = 0;

  constructor(total: number) {
    this.#total = total;
  }

  begin(): void {
    this.#startMs ??= performance.now();
  }

  /** @returns the transfer, once it is complete */
  count(bytes: number): Transfer | undefined {
    this.begin();
    const wasInBurst = this.#bytes < BURST;
    this.#bytes += bytes;
    const now = performance.now();
    if (wasInBurst && this.#bytes >= BURST) this.#pastBurstMs = now;
    if (this.#bytes < this.#total || this.#bytes - bytes >= this.#total) return undefined;
    return {
      seconds: (now - (this.#startMs ?? now)) / 1000,
      sustainedSeconds: this.#total > BURST ? (now - this.#pastBurstMs) / 1000 : 0,
    };
  }
}

export function acknowledgement(type: string, messageId: string, sequenceNumber: number): Buffer {
  return Buffer.from(
    `{"AcknowledgedMessageType":"${type}","AcknowledgedMessageId":"${messageId}","AcknowledgedMessageSequenceNumber":${sequenceNumber},"IsSequentialMessage":true}`,
    'latin1',
  );
}

export function message(
  messageType: string,
  sequenceNumber: number,
  payloadType: number,
  payload: Buffer,
): Buffer {
  return encodeMessage({
    messageType,
    schemaVersion: 1,
    createdDateMs: Date.now(),
    sequenceNumber,
    flags: 0,
    messageId: randomUUID(),
    payloadType,
    payload,
  });
}

/** A frame with nothing but its digest computed: what a client cannot do without. */
export function bareFrame(template: Buffer, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(template.length);
  template.copy(frame, 0, 0, 120);
  hash('sha256', payload, 'buffer').copy(frame, 80);
  payload.copy(frame, 120);
  return frame;
}
