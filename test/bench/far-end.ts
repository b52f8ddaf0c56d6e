/**
 * The cheapest far end that keeps the protocol: StartSession, a message gateway and an agent in
 * one, doing one SHA-256 and one acknowledgement for each message and nothing else. Port 1 takes
 * what is sent; port 2 sends `bytes` and then closes the channel.
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

/**
 * @param bytes how much port 2 sends, and after how much from one client `onTaken` is called
 * @returns the port it listens on
 */
export async function startFarEnd(bytes: number, onTaken: () => void): Promise<number> {
  const http = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { Parameters } = JSON.parse(body === '' ? '{}' : body) as {
        Parameters?: { portNumber: string[] };
      };
      const { port } = http.address() as AddressInfo;
      const answer = {
        SessionId: `bench-${randomUUID()}`,
        TokenValue: 'token',
        StreamUrl: `ws://127.0.0.1:${port}/v1/data-channel/x?mode=${Parameters?.portNumber[0] ?? '1'}`,
      };
      response.setHeader('content-type', 'application/x-amz-json-1.1').end(JSON.stringify(answer));
    });
  });
  const gateway = new WebSocketServer({ server: http, perMessageDeflate: false });
  gateway.on('connection', (socket, request) => {
    const isSource = request.url?.endsWith('mode=2') === true;
    let received = 0;
    serve(socket, isSource ? bytes / PAYLOAD.length : 0, (length) => {
      received += length;
      if (received === bytes) onTaken();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return (http.address() as AddressInfo).port;
}

function serve(socket: WebSocket, toSend: number, onBytes: (length: number) => void): void {
  let sent = 0;
  let acknowledged = 0;
  let isReady = false;
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
      fill();
      return;
    }
    socket.send(
      message('acknowledge', 0, 0, acknowledgement('input_stream_data', messageId, sequenceNumber)),
    );
    if (payloadType === PAYLOAD_TYPE.output) onBytes(payload.length);
    if (payloadType === PAYLOAD_TYPE.flag)
      socket.send(message('channel_closed', 0, 0, Buffer.from('{"Output":""}')));
    if (payloadType === PAYLOAD_TYPE.handshakeResponse) {
      send(PAYLOAD_TYPE.handshakeComplete, Buffer.from('{}'));
      isReady = true;
      fill();
    }
  });
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
