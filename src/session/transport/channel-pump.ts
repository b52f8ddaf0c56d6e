import type { ClientChannel } from '../protocol/channel/client-channel.ts';
import type { GatewaySocket } from './gateway-socket.ts';
import { Liveness } from './liveness.ts';
import type { Activity } from './liveness.ts';

/** Bytes in the socket's buffer at which no more frames are made, and no more are read. */
const SOCKET_BUFFER_BYTES = 512 * 1024;
const FRAMES_AT_ONCE = 128;
/** A timer that fires so late shows that this process was stopped or starved meanwhile. */
const LATE_MS = 250;
/** On a busy machine that happens all the time; longer than this is worth telling. */
const TOLD_MS = 2_000;
/** While nothing is read there is no clock to keep; what is paced still goes out now and then. */
const DEAF_TICK_MS = 250;
/** So long after a frame more are expected. */
const RECEIVING_FOR_MS = 10_000;

export interface PumpHandlers {
  /** Each turn, before frames are written: take the channel's events, offer more input. */
  onTurn(): void;
  /** This process was stopped, or starved for seconds. */
  onAwake(lateByMs: number): void;
}

/** Milliseconds since the epoch that never jump back. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Moves frames and time between a session's sans-IO channel and the socket it has at the moment,
 * within bounds: it stops reading when this end's sink or the socket is full, and lets a silent
 * socket close. Knows nothing of how sockets are opened or sessions end.
 */
export class ChannelPump {
  readonly #channel: ClientChannel;
  readonly #handlers: PumpHandlers;
  readonly #liveness = new Liveness();
  #socket: GatewaySocket | undefined;
  #isStopped = false;
  #isSinkFull = false;
  #isReadingPaused = false;
  #isTurnScheduled = false;
  #frameAtMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Infinity;
  #hasGivenUp = false;

  constructor(channel: ClientChannel, handlers: PumpHandlers) {
    this.#channel = channel;
    this.#handlers = handlers;
  }

  get isAttached(): boolean {
    return this.#socket !== undefined;
  }

  /** Whether the socket was closed from here, because it was silent. */
  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** Goes on with a socket that has just opened. */
  attach(socket: GatewaySocket): void {
    this.#socket = socket;
    this.#hasGivenUp = false;
    this.#isReadingPaused = false;
    this.#liveness.restart(nowMs());
    this.#regulateReading();
    this.schedule();
  }

  /** The socket is gone. */
  detach(): void {
    this.#socket = undefined;
    this.#clearTimer();
  }

  /** Closes the socket politely; nothing moves any more. */
  stop(): void {
    this.#isStopped = true;
    this.#clearTimer();
    // A socket that is not read would never see the answer to its close.
    if (this.#isReadingPaused) this.#socket?.resumeReading();
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** A frame has arrived. */
  receive(frame: Buffer): void {
    this.#frameAtMs = nowMs();
    this.#noticeSleep(this.#frameAtMs);
    this.#channel.receive(frame, this.#frameAtMs);
    this.schedule();
  }

  /** The other end has shown a sign of life. */
  heard(): void {
    this.#liveness.heard(nowMs());
    // Answers to pings fill the socket too: the turn looks whether to go on reading.
    this.schedule();
  }

  /** The local sink is full (true) or takes output again (false). */
  setSinkFull(isFull: boolean): void {
    this.#isSinkFull = isFull;
    this.#regulateReading();
  }

  /** Takes a turn soon: after the whole chunk of frames being read, for one write of answers. */
  schedule(): void {
    if (this.#isTurnScheduled || this.#isStopped) return;
    this.#isTurnScheduled = true;
    process.nextTick(() => {
      this.#isTurnScheduled = false;
      this.#turn();
    });
  }

  /** Writes what may be written at once. */
  writeFrames(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    // Acknowledgements that are not being read are not late.
    if (this.#isReadingPaused) this.#channel.listeningAgain(nowMs());
    while (socket.bufferedBytes < SOCKET_BUFFER_BYTES) {
      const frames = this.#channel.takeFrames(nowMs(), FRAMES_AT_ONCE);
      if (frames.length === 0) break;
      socket.sendFrames(frames);
    }
  }

  /** One turn: events go up, frames go out, the clock is set for the next. */
  #turn(): void {
    if (this.#isStopped) return;
    this.#handlers.onTurn();
    // A turn may have ended the session.
    if (this.#hasStopped()) return;
    this.writeFrames();
    this.#regulateReading();
    this.#setTimer();
  }

  #hasStopped(): boolean {
    return this.#isStopped;
  }

  /** Never drop what arrives: stop reading instead, and TCP pushes back (docs/protocol.md §4). */
  #regulateReading(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    const shouldPause = this.#isSinkFull || socket.bufferedBytes >= SOCKET_BUFFER_BYTES;
    if (shouldPause === this.#isReadingPaused) return;
    this.#isReadingPaused = shouldPause;
    if (shouldPause) {
      socket.pauseReading();
    } else {
      this.#liveness.restart(nowMs());
      this.#channel.listeningAgain(nowMs());
      socket.resumeReading();
    }
  }

  get #activity(): Activity {
    if (this.#isReadingPaused) return 'deaf';
    // What was pouring in and stops may have been cut off.
    const isReceiving = nowMs() - this.#frameAtMs < RECEIVING_FOR_MS;
    return isReceiving || !this.#channel.isDrained ? 'busy' : 'idle';
  }

  #setTimer(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    const now = nowMs();
    // A full socket announces itself when it has drained; until then there is nothing to send.
    const isSocketFull = socket.bufferedBytes >= SOCKET_BUFFER_BYTES;
    const channelMs = isSocketFull
      ? undefined
      : this.#isReadingPaused
        ? now + DEAF_TICK_MS
        : this.#channel.deadlineMs(now);
    const wantedMs = Math.min(channelMs ?? Infinity, this.#liveness.deadlineMs(this.#activity));
    // What was due before is due now: only the timer itself can be late.
    const atMs = Math.max(wantedMs, now);
    if (this.#timer !== undefined && atMs >= this.#timerAtMs) return;
    this.#clearTimer();
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, Math.ceil(atMs - now)));
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
  }

  #onTimer(): void {
    this.#noticeSleep(nowMs());
    this.#clearTimer();
    // What has arrived by now is heard before anything is called late.
    setImmediate(() => this.#letTimePass());
  }

  /**
   * Overdue timers show that this process was stopped or starved. What is read then was there
   * long ago, so it says nothing about the path, and nothing else is late either.
   */
  #noticeSleep(now: number): void {
    const lateByMs = now - this.#timerAtMs;
    if (lateByMs < LATE_MS) return;
    this.#timerAtMs = Infinity;
    if (lateByMs >= TOLD_MS) this.#handlers.onAwake(Math.round(lateByMs));
    this.#channel.listeningAgain(now);
    this.#liveness.slept(lateByMs);
  }

  #letTimePass(): void {
    const socket = this.#socket;
    if (this.#isStopped || socket === undefined) return;
    const now = nowMs();
    const state = this.#liveness.check(now, this.#activity);
    if (state === 'ping') socket.ping();
    if (state === 'dead') {
      this.#hasGivenUp = true;
      socket.terminate();
      return;
    }
    if (!this.#isReadingPaused) this.#channel.expire(now);
    this.#turn();
  }
}
