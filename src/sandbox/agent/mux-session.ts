import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { FLAG, PAYLOAD_TYPE } from '../../session/protocol/message/constants.ts';
import { encodeSmuxFrame, SMUX_COMMAND, SmuxDecoder } from '../../session/protocol/smux/frame.ts';
import type { SmuxFrame } from '../../session/protocol/smux/frame.ts';
import { PacedOutput } from './paced-output.ts';
import type { RunningSession, SessionChannel } from './session-type.ts';

/** The real agent's session buffer; when it is full nothing more is read (docs/protocol.md §6). */
const SESSION_BUFFER_BYTES = 4 * 1024 * 1024;
const MAX_FRAME_BYTES = 32_768;
const OUTPUT_HIGH_BYTES = 64 * 1024;
const KEEP_ALIVE_MS = 10_000;

export interface MuxSessionOptions {
  address: { host: string; port: number } | undefined;
  pace: 'real' | 'off';
  keepAlive: boolean;
}

interface Stream {
  readonly id: number;
  /** Data that came before the connection was dialled. */
  readonly early: Buffer[];
  socket: Socket | undefined;
  isFinished: boolean;
}

/** A multiplexed port session: one TCP connection for each smux stream, as the agent serves them. */
export class MuxSession implements RunningSession {
  readonly #channel: SessionChannel;
  readonly #options: MuxSessionOptions;
  readonly #decoder = new SmuxDecoder();
  readonly #output: PacedOutput;
  readonly #streams = new Map<number, Stream>();
  /** Streams are dialled one after the other: a slow destination holds up the next. */
  #dialling: Promise<void> = Promise.resolve();
  #isClosed = false;
  readonly #keepAlive: NodeJS.Timeout | undefined;

  constructor(channel: SessionChannel, options: MuxSessionOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#output = new PacedOutput(channel, options.pace, () => this.#readOn());
    if (options.keepAlive) {
      this.#keepAlive = setInterval(() => {
        this.#output.push(encodeSmuxFrame(SMUX_COMMAND.nop, 0));
      }, KEEP_ALIVE_MS);
    }
  }

  receive(payloadType: number, payload: Buffer): boolean {
    if (payloadType === PAYLOAD_TYPE.flag) {
      if (payload.length >= 4 && payload.readUInt32BE(0) === FLAG.terminateSession) {
        this.#channel.terminate('');
      }
      return true;
    }
    if (payloadType !== PAYLOAD_TYPE.output) return true;
    try {
      for (const frame of this.#decoder.push(Buffer.from(payload))) this.#take(frame);
    } catch {
      // The real agent's smux session fails, and with it the plugin.
      this.#channel.terminate('');
    }
    this.#holdWhileFull();
    return true;
  }

  resume(): void {
    this.#output.pump();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#keepAlive);
    this.#output.close();
    for (const { socket } of this.#streams.values()) socket?.destroy();
    this.#streams.clear();
  }

  #take({ command, streamId, data }: SmuxFrame): void {
    const stream = this.#streams.get(streamId);
    switch (command) {
      case SMUX_COMMAND.syn:
        if (stream === undefined) this.#open(streamId);
        return;
      case SMUX_COMMAND.psh:
        if (stream === undefined) return;
        if (stream.socket === undefined) stream.early.push(data);
        else if (stream.socket.writable) stream.socket.write(data);
        return;
      case SMUX_COMMAND.fin:
        if (stream !== undefined) this.#finished(stream);
        return;
      case SMUX_COMMAND.nop:
        return;
      default:
        command satisfies never;
    }
  }

  #open(id: number): void {
    const stream: Stream = { id, early: [], socket: undefined, isFinished: false };
    this.#streams.set(id, stream);
    this.#dialling = this.#dialling.then(() => this.#dial(stream));
  }

  async #dial(stream: Stream): Promise<void> {
    const { address } = this.#options;
    const socket = address === undefined ? undefined : await dialled(address);
    if (this.#isClosed) {
      socket?.destroy();
      return;
    }
    if (socket === undefined) {
      const flag = Buffer.alloc(4);
      flag.writeUInt32BE(FLAG.connectToPortError, 0);
      this.#channel.send(PAYLOAD_TYPE.flag, flag);
      this.#finish(stream);
      return;
    }
    stream.socket = socket;
    for (const data of stream.early.splice(0)) socket.write(data);
    if (stream.isFinished) socket.end();
    socket.on('data', (chunk: Buffer) => this.#send(stream, chunk));
    socket.on('drain', () => this.#holdWhileFull());
    socket.on('end', () => this.#finish(stream));
    socket.on('close', () => this.#finish(stream));
  }

  #send({ id, isFinished, socket }: Stream, chunk: Buffer): void {
    // After the client's FIN the agent throws away what still comes back.
    if (isFinished) return;
    for (let at = 0; at < chunk.length; at += MAX_FRAME_BYTES) {
      const part = chunk.subarray(at, at + MAX_FRAME_BYTES);
      this.#output.push(encodeSmuxFrame(SMUX_COMMAND.psh, id, part));
    }
    if (this.#output.queuedBytes >= OUTPUT_HIGH_BYTES) socket?.pause();
  }

  #readOn(): void {
    for (const { socket } of this.#streams.values()) socket?.resume();
  }

  /** This side is done: FIN, once, and the connection is closed. */
  #finish(stream: Stream): void {
    if (!this.#streams.delete(stream.id)) return;
    if (!this.#isClosed) this.#output.push(encodeSmuxFrame(SMUX_COMMAND.fin, stream.id));
    stream.socket?.destroySoon();
    this.#holdWhileFull();
  }

  /** FIN of the client closes both ways, after what it had sent. */
  #finished(stream: Stream): void {
    stream.isFinished = true;
    if (stream.socket !== undefined) {
      stream.socket.end();
      this.#finish(stream);
    }
  }

  #holdWhileFull(): void {
    const waiting = [...this.#streams.values()].reduce(
      (sum, { socket, early }) =>
        sum + (socket?.writableLength ?? 0) + early.reduce((bytes, data) => bytes + data.length, 0),
      0,
    );
    this.#channel.holdClient(waiting >= SESSION_BUFFER_BYTES);
  }
}

function dialled(address: { host: string; port: number }): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, noDelay: true });
    const onError = (): void => resolve(undefined);
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.off('error', onError);
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}
