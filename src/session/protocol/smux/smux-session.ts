import { encodeSmuxFrame, SMUX_COMMAND, SmuxDecoder } from './frame.ts';
import type { SmuxFrame } from './frame.ts';

/** The most that the reference implementation puts in one PSH. */
const MAX_FRAME_BYTES = 32_768;
/** With several streams waiting each gets a smaller turn, so that none waits long for another. */
const SHARED_FRAME_BYTES = 4096;
const KEEP_ALIVE_MS = 10_000;
const FIRST_CLIENT_STREAM = 3;

export type SmuxEvent =
  | { type: 'data'; streamId: number; data: Buffer }
  /**
   * The far end closed the stream, both ways: nothing more comes, nothing more is taken. It answers
   * a stream closed on this side so, too; data for that one is dropped.
   */
  | { type: 'finished'; streamId: number };

interface SmuxStream {
  readonly id: number;
  readonly queue: Buffer[];
  queuedBytes: number;
  /** FIN goes out when the queue is empty. */
  isFinishing: boolean;
  isScheduled: boolean;
}

export interface SmuxSessionOptions {
  nowMs: number;
  /** NOPs every 10 s, for agents that expect them (docs/protocol.md §6). */
  keepAlive: boolean;
}

/**
 * The client's side of a smux v1 session, without IO (docs/protocol.md §6): bytes of the far end
 * go in, events and bytes for it come out. The protocol has no windows: `queuedBytes` tells how
 * much of a stream still waits here, so that its source can be paused.
 */
export class SmuxSession {
  readonly #decoder = new SmuxDecoder();
  readonly #streams = new Map<number, SmuxStream>();
  /** Closed on this side, not yet by the far end. */
  readonly #closing = new Set<number>();
  /** Streams with something to send, each once, in turn. */
  #turns: SmuxStream[] = [];
  #control: Buffer[] = [];
  #events: SmuxEvent[] = [];
  #nextStreamId = FIRST_CLIENT_STREAM;
  #keepAliveAtMs: number | undefined;

  constructor({ nowMs, keepAlive }: SmuxSessionOptions) {
    this.#keepAliveAtMs = keepAlive ? nowMs + KEEP_ALIVE_MS : undefined;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Opens a stream: SYN is queued. Ids are odd, from 3. */
  openStream(): number {
    const id = this.#nextStreamId;
    this.#nextStreamId += 2;
    this.#streams.set(id, {
      id,
      queue: [],
      queuedBytes: 0,
      isFinishing: false,
      isScheduled: false,
    });
    this.#control.push(encodeSmuxFrame(SMUX_COMMAND.syn, id));
    return id;
  }

  /** Queues bytes for a stream; ignored when it is closed. */
  write(streamId: number, data: Buffer): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.isFinishing || data.length === 0) return;
    stream.queue.push(data);
    stream.queuedBytes += data.length;
    this.#schedule(stream);
  }

  /** Bytes of a stream that wait here. */
  queuedBytes(streamId: number): number {
    return this.#streams.get(streamId)?.queuedBytes ?? 0;
  }

  /**
   * Closes a stream after what is queued. The agent then discards what was still coming back, so
   * after a half-close of the local side wait for the far end to finish first.
   */
  finish(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.isFinishing) return;
    stream.isFinishing = true;
    this.#schedule(stream);
  }

  /**
   * Takes bytes of the far end. Frames of unknown streams are ignored.
   * @throws SmuxFramingError when the framing is broken; the session cannot go on
   */
  receive(bytes: Buffer): void {
    for (const frame of this.#decoder.push(bytes)) this.#take(frame);
  }

  takeEvents(): SmuxEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Whether {@link takeBytes} would return something. */
  get hasBytes(): boolean {
    return this.#control.length > 0 || this.#turns.length > 0;
  }

  /** Takes about `limit` bytes to send: whole frames, streams in turn. */
  takeBytes(limit: number): Buffer[] {
    const taken = this.#control;
    this.#control = [];
    let bytes = taken.reduce((sum, frame) => sum + frame.length, 0);
    while (bytes < limit) {
      const stream = this.#turns.shift();
      if (stream === undefined) break;
      stream.isScheduled = false;
      const frame = this.#nextFrame(stream);
      bytes += frame.length;
      taken.push(frame);
      if (stream.queuedBytes > 0 || (stream.isFinishing && this.#streams.has(stream.id))) {
        this.#schedule(stream);
      }
    }
    return taken;
  }

  /** When {@link keepAlive} is due; undefined where the agent needs none. */
  get deadlineMs(): number | undefined {
    return this.#keepAliveAtMs;
  }

  /** Queues a NOP when it is time. */
  keepAlive(nowMs: number): void {
    if (this.#keepAliveAtMs === undefined || nowMs < this.#keepAliveAtMs) return;
    this.#keepAliveAtMs = nowMs + KEEP_ALIVE_MS;
    this.#control.push(encodeSmuxFrame(SMUX_COMMAND.nop, 0));
  }

  #schedule(stream: SmuxStream): void {
    if (stream.isScheduled) return;
    stream.isScheduled = true;
    this.#turns.push(stream);
  }

  #nextFrame(stream: SmuxStream): Buffer {
    if (stream.queuedBytes === 0) {
      this.#streams.delete(stream.id);
      this.#closing.add(stream.id);
      return encodeSmuxFrame(SMUX_COMMAND.fin, stream.id);
    }
    const limit = this.#turns.length > 0 ? SHARED_FRAME_BYTES : MAX_FRAME_BYTES;
    const parts: Buffer[] = [];
    let length = 0;
    while (length < limit) {
      const head = stream.queue[0];
      if (head === undefined) break;
      const part = head.subarray(0, limit - length);
      parts.push(part);
      length += part.length;
      if (part.length === head.length) stream.queue.shift();
      else stream.queue[0] = head.subarray(part.length);
    }
    stream.queuedBytes -= length;
    const [only] = parts;
    const data = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
    return encodeSmuxFrame(SMUX_COMMAND.psh, stream.id, data);
  }

  #take({ command, streamId, data }: SmuxFrame): void {
    const stream = this.#streams.get(streamId);
    switch (command) {
      case SMUX_COMMAND.psh:
        if (stream !== undefined && data.length > 0)
          this.#events.push({ type: 'data', streamId, data });
        return;
      case SMUX_COMMAND.fin:
        if (stream !== undefined) this.#finished(stream);
        else if (this.#closing.delete(streamId)) this.#events.push({ type: 'finished', streamId });
        return;
      case SMUX_COMMAND.syn: // The agent opens no streams.
      case SMUX_COMMAND.nop:
        return;
      default:
        command satisfies never;
    }
  }

  /** The far end takes nothing more: what is queued is dropped, and our FIN answers its own. */
  #finished(stream: SmuxStream): void {
    this.#streams.delete(stream.id);
    this.#turns = this.#turns.filter((other) => other !== stream);
    this.#control.push(encodeSmuxFrame(SMUX_COMMAND.fin, stream.id));
    this.#events.push({ type: 'finished', streamId: stream.id });
  }
}
