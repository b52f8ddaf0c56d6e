import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { Connections } from '../aws/connections.ts';
import { SILENT_LOG } from '../platform/log.ts';
import { MESSAGE_TYPE, PAYLOAD_TYPE } from './protocol/message/constants.ts';
import { encodeMessage } from './protocol/message/message.ts';
import { runSshProxy } from './ssh-proxy.ts';
import { SsmSessionApi } from './ssm-session-api.ts';

const TARGET = 'i-00000000000000000';
const REGION = 'us-east-1';
const SESSION_ID = 'warm-up';

/**
 * Goes through a whole short session against a service made of two streams in this process, so
 * that all the code of a start has run once and can be kept compiled. Nothing leaves the process.
 *
 * @param onSessionWorks called when the session's first byte has arrived
 */
export async function warmUp(onSessionWorks: () => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'devaccess-warm-up-'));
  const credentials = join(folder, 'credentials');
  writeFileSync(credentials, '[warm-up]\naws_access_key_id=AKIAWARMUP\naws_secret_access_key=w\n');
  // The SDK reads them from the process. They are no one's, and the one profile cannot call out.
  for (const name of Object.keys(process.env)) {
    if (/^AWS_(?!SDK_JS_)/.test(name)) Reflect.deleteProperty(process.env, name);
  }
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = credentials;
  process.env['AWS_CONFIG_FILE'] = join(folder, 'config');
  try {
    const connections = new WarmConnections();
    const api = SsmSessionApi.create({
      profile: 'warm-up',
      region: REGION,
      env: {},
      connections,
    });
    await runSshProxy({
      api,
      session: api.start({ target: TARGET, documentName: 'AWS-StartSSHSession', parameters: {} }),
      connections,
      target: TARGET,
      port: 22,
      remoteHost: undefined,
      stdin: new PassThrough(),
      stdout: new PassThrough().resume(),
      say: () => undefined,
      log: SILENT_LOG,
      onWorks: onSessionWorks,
      isParentAlive: () => true,
      stop: new AbortController().signal,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Connections that lead nowhere but to the streams below. */
class WarmConnections extends Connections {
  constructor() {
    super({});
  }

  override claim(): Socket {
    return asSocket(new WarmApi());
  }

  override take(): Promise<Socket> {
    return Promise.resolve(asSocket(new WarmGateway()));
  }

  override open(): Socket {
    throw new Error('the warm-up opens no connection');
  }
}

/** What HTTP and ws ask of a socket beyond a stream. */
function asSocket(stream: Duplex): Socket {
  const nothing = (): Duplex => stream;
  const more = { setNoDelay: nothing, setKeepAlive: nothing, setTimeout: nothing };
  return Object.assign(stream, more, { ref: nothing, unref: nothing }) as unknown as Socket;
}

abstract class WarmStream extends Duplex {
  override _read(): void {
    // Everything is pushed as it comes up.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    done();
    setImmediate(() => this.hear(chunk));
  }

  protected abstract hear(chunk: Buffer): void;
}

/** Answers every request as StartSession. */
class WarmApi extends WarmStream {
  #heard = '';

  protected override hear(chunk: Buffer): void {
    this.#heard += chunk.toString('latin1');
    const [head = '', body] = this.#heard.split('\r\n\r\n');
    const length = /content-length: (\d+)/i.exec(head)?.[1];
    if (body === undefined || body.length < Number(length)) return;
    this.#heard = '';
    const answer = JSON.stringify({
      SessionId: SESSION_ID,
      StreamUrl: `wss://ssmmessages.${REGION}.amazonaws.com/v1/data-channel/${SESSION_ID}`,
      TokenValue: 'none',
    });
    this.push(
      'HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n' +
        `Content-Length: ${answer.length}\r\n\r\n${answer}`,
    );
  }
}

/** Accepts the upgrade, then says what gateway and agent say in a session without surprises. */
class WarmGateway extends WarmStream {
  readonly #script: Buffer[][] = [
    [
      agentMessage(0, PAYLOAD_TYPE.handshakeRequest, {
        AgentVersion: '3.3.0.0',
        RequestedClientActions: [
          { ActionType: 'SessionType', ActionParameters: { SessionType: 'Port', Properties: {} } },
        ],
      }),
    ],
    [
      agentMessage(1, PAYLOAD_TYPE.handshakeComplete, {
        HandshakeTimeToComplete: 1,
        CustomerMessage: '',
      }),
      agentMessage(2, PAYLOAD_TYPE.output, 'SSH-2.0-warm-up\r\n'),
      webSocketFrame(
        message(MESSAGE_TYPE.channelClosed, 0, 0, { SessionId: SESSION_ID, Output: '' }),
      ),
    ],
  ];

  protected override hear(chunk: Buffer): void {
    const key = /sec-websocket-key: (\S+)/i.exec(chunk.toString('latin1'))?.[1];
    if (key === undefined) {
      for (const frame of this.#script.shift() ?? []) this.push(frame);
      return;
    }
    // RFC 6455 §4.2.2
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    this.push(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
    );
  }
}

function agentMessage(sequenceNumber: number, payloadType: number, content: unknown): Buffer {
  return webSocketFrame(
    message(MESSAGE_TYPE.outputStreamData, sequenceNumber, payloadType, content),
  );
}

function message(
  messageType: string,
  sequenceNumber: number,
  payloadType: number,
  content: unknown,
): Buffer {
  return encodeMessage({
    messageType,
    schemaVersion: 1,
    createdDateMs: 1,
    sequenceNumber,
    flags: 0,
    messageId: randomUUID(),
    payloadType,
    payload: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
  });
}

/** One binary frame of up to 65535 bytes, unmasked as servers send it (RFC 6455 §5.2). */
function webSocketFrame(payload: Buffer): Buffer {
  const head = Buffer.of(0x82, 126, payload.length >> 8, payload.length & 0xff);
  return Buffer.concat([head, payload]);
}
