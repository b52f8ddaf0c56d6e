import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { MESSAGE_TYPE } from '../../session/protocol/message/constants.ts';
import type { SandboxSession } from '../session-registry.ts';
import type { AgentEnd, AgentLink } from './agent-end.ts';
import { GATEWAY_DEFAULTS } from './gateway-options.ts';
import type { FrameDirection, GatewayLimits, GatewayOptions } from './gateway-options.ts';
import { RateMeter } from './rate-meter.ts';
import { channelClosedFrame, publicationFrame } from './service-message.ts';

/** Past this multiple of the high water mark frames for the client are lost: memory is bounded. */
const OVERFLOW_FACTOR = 16;

const INPUT_STREAM_DATA = Buffer.from(MESSAGE_TYPE.inputStreamData, 'latin1');
const MESSAGE_TYPE_OFFSET = 4;

export interface RelayOptions {
  session: SandboxSession;
  limits: GatewayLimits;
  agentFor: GatewayOptions['agentFor'];
  onFrame: GatewayOptions['onFrame'];
  /** The session was idle for too long; ending it is the registry's business. */
  onIdle: () => void;
}

/**
 * Joins the client's socket and the agent's end of one session, over as many sockets as the client
 * opens. Keeps nothing: a frame for an end that is away is lost, the ends resend.
 */
export class SessionRelay implements AgentLink {
  readonly #session: SandboxSession;
  readonly #limits: GatewayLimits;
  readonly #options: RelayOptions;
  readonly #idleTimeoutMs: number;
  readonly #highWaterBytes: number;
  readonly #rate: RateMeter | undefined;
  #client: WebSocket | undefined;
  #transport: Duplex | undefined;
  #isCorked = false;
  #agent: AgentEnd | undefined;
  #agentAvailable = false;
  #agentHeld = false;
  #clientHeld = false;
  #lastFrameAtMs = Date.now();
  #idleTimer: NodeJS.Timeout | undefined;
  #lifetimeTimer: NodeJS.Timeout | undefined;
  #releaseTimer: NodeJS.Timeout | undefined;

  constructor(options: RelayOptions) {
    this.#session = options.session;
    this.#limits = options.limits;
    this.#options = options;
    this.#idleTimeoutMs = options.limits.idleTimeoutMs ?? GATEWAY_DEFAULTS.idleTimeoutMs;
    this.#highWaterBytes = options.limits.highWaterBytes ?? GATEWAY_DEFAULTS.highWaterBytes;
    this.#rate =
      options.limits.rateLimit === undefined ? undefined : new RateMeter(options.limits.rateLimit);
    this.#watchIdle();
  }

  /**
   * A client has opened the data channel with a valid token; an earlier socket is replaced.
   * @param transport what `socket` writes to
   */
  openClient(socket: WebSocket, transport: Duplex): void {
    const earlier = this.#client;
    this.#client = socket;
    this.#transport = transport;
    earlier?.close(1000, 'Replaced by a newer connection');
    this.#lastFrameAtMs = Date.now();
    this.#session.status = 'Connected';
    socket.on('message', (data, isBinary) => {
      if (this.#client === socket) this.#fromClient(socket, data, isBinary);
    });
    socket.on('close', () => {
      if (this.#client === socket) this.#clientGone();
    });
    if (this.#clientHeld) socket.pause();
    clearTimeout(this.#lifetimeTimer);
    this.#lifetimeTimer = setTimeout(
      () => socket.close(1000, 'Bye'),
      this.#limits.socketLifetimeMs ?? GATEWAY_DEFAULTS.socketLifetimeMs,
    );
    this.#lifetimeTimer.unref();
    const known = this.#agent !== undefined;
    this.findAgent();
    if (known || !this.#agentAvailable) this.#announce();
    if (this.#agentAvailable) this.#tellAgent(MESSAGE_TYPE.startPublication);
    // What held the agent was the earlier socket.
    this.#releaseAgent();
  }

  /** Connects the agent's end where it is not yet. */
  findAgent(): void {
    if (this.#agent !== undefined || this.#session.status === 'Terminated') return;
    const agent = this.#options.agentFor(this.#session);
    if (agent === undefined) return;
    this.#agent = agent;
    this.setAvailable(true);
    agent.connect(this);
  }

  send(frame: Buffer): boolean {
    this.#transit('to-client', frame);
    return !this.#agentHeld && this.#client !== undefined;
  }

  holdClient(held: boolean): void {
    this.#clientHeld = held;
    if (held) this.#client?.pause();
    else this.#client?.resume();
  }

  setAvailable(available: boolean): void {
    if (available === this.#agentAvailable) return;
    this.#agentAvailable = available;
    this.#announce();
  }

  /** The session has ended: says so on the channel, then closes both ends. */
  end(reason: string): void {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) {
      const { sessionId, target } = this.#session;
      client.send(
        channelClosedFrame({ sessionId, destinationId: target, output: reason }, Date.now()),
      );
      // A socket that is not read would never answer the close.
      client.resume();
      client.close(1000, '');
    }
    this.dispose();
  }

  /** Cuts the client's socket; the session lives on. False when no client is there. */
  cut(): boolean {
    if (this.#client === undefined) return false;
    this.#client.terminate();
    return true;
  }

  /** Gives up sockets and timers without a word to the client. */
  dispose(): void {
    for (const timer of [this.#idleTimer, this.#lifetimeTimer, this.#releaseTimer]) {
      clearTimeout(timer);
    }
    const client = this.#client;
    this.#client = undefined;
    client?.terminate();
    const agent = this.#agent;
    this.#agent = undefined;
    agent?.close();
  }

  #fromClient(socket: WebSocket, data: RawData, isBinary: boolean): void {
    if (!isBinary) {
      socket.close(1003, 'Only binary frames after OpenDataChannel');
      return;
    }
    // ws hands a Buffer over, with its default binaryType.
    const frame = data as Buffer;
    if (this.#overRate(socket, frame)) return;
    this.#transit('to-agent', frame);
  }

  #transit(direction: FrameDirection, frame: Buffer): void {
    // The agent's resends to a client that is gone or hangs are no sign of life.
    if (direction === 'to-agent') this.#lastFrameAtMs = Date.now();
    const { onFrame } = this.#options;
    if (onFrame === undefined) {
      this.#forward(direction, frame);
      return;
    }
    onFrame({
      sessionId: this.#session.sessionId,
      direction,
      frame,
      forward: (passed) => this.#forward(direction, passed),
    });
  }

  #forward(direction: FrameDirection, frame: Buffer): void {
    if (direction === 'to-agent') this.#agent?.receive(frame);
    else this.#write(frame);
  }

  #write(frame: Buffer): void {
    const client = this.#client;
    if (client === undefined || client.readyState !== client.OPEN) return;
    if (client.bufferedAmount > this.#highWaterBytes * OVERFLOW_FACTOR) return;
    this.#cork();
    if (this.#agentHeld || client.bufferedAmount + frame.length <= this.#highWaterBytes) {
      client.send(frame);
      return;
    }
    this.#agentHeld = true;
    // Sent means: everything before it has left too.
    client.send(frame, () => {
      if (this.#client === client) this.#releaseAgent();
    });
  }

  /** Frames of one turn leave in one system call: the agent sends many small ones at once. */
  #cork(): void {
    const transport = this.#transport;
    if (transport === undefined || this.#isCorked) return;
    this.#isCorked = true;
    transport.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      transport.uncork();
    });
  }

  #releaseAgent(): void {
    this.#agentHeld = false;
    this.#agent?.resume();
  }

  /** Tells the client whether the agent's end is there. */
  #announce(): void {
    this.#sendToClient(
      this.#agentAvailable ? MESSAGE_TYPE.startPublication : MESSAGE_TYPE.pausePublication,
    );
  }

  #sendToClient(
    messageType: typeof MESSAGE_TYPE.startPublication | typeof MESSAGE_TYPE.pausePublication,
  ): void {
    this.#write(publicationFrame(messageType, Date.now()));
  }

  #tellAgent(
    messageType: typeof MESSAGE_TYPE.startPublication | typeof MESSAGE_TYPE.pausePublication,
  ): void {
    this.#agent?.receive(publicationFrame(messageType, Date.now()));
  }

  #clientGone(): void {
    this.#client = undefined;
    clearTimeout(this.#lifetimeTimer);
    if (this.#session.status === 'Connected') this.#session.status = 'Disconnected';
    this.#tellAgent(MESSAGE_TYPE.pausePublication);
  }

  /** True when the frame is not to be relayed because its sender was closed for its rate. */
  #overRate(socket: WebSocket, frame: Buffer): boolean {
    if (this.#rate === undefined || !isData(frame)) return false;
    const verdict = this.#rate.count(Date.now());
    if (verdict === 'close') {
      socket.close(1008, 'Message rate exceeded');
      return true;
    }
    if (verdict === 'pause') {
      this.#sendToClient(MESSAGE_TYPE.pausePublication);
      this.#scheduleRelease(this.#rate);
    }
    return false;
  }

  #scheduleRelease(rate: RateMeter): void {
    clearTimeout(this.#releaseTimer);
    const atMs = rate.releaseAtMs;
    if (atMs === undefined) return;
    this.#releaseTimer = setTimeout(() => {
      rate.release();
      if (this.#agentAvailable) this.#sendToClient(MESSAGE_TYPE.startPublication);
    }, atMs - Date.now());
    this.#releaseTimer.unref();
  }

  #watchIdle(): void {
    const idleForMs = Date.now() - this.#lastFrameAtMs;
    if (idleForMs >= this.#idleTimeoutMs) {
      this.#options.onIdle();
      return;
    }
    this.#idleTimer = setTimeout(() => this.#watchIdle(), this.#idleTimeoutMs - idleForMs);
    this.#idleTimer.unref();
  }
}

function isData(frame: Buffer): boolean {
  return (
    frame.compare(
      INPUT_STREAM_DATA,
      0,
      INPUT_STREAM_DATA.length,
      MESSAGE_TYPE_OFFSET,
      MESSAGE_TYPE_OFFSET + INPUT_STREAM_DATA.length,
    ) === 0
  );
}
