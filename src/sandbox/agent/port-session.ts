import { connect } from 'node:net';
import type { Socket } from 'node:net';
import {
  DEFAULT_PAYLOAD_BYTES,
  FLAG,
  PAYLOAD_TYPE,
} from '../../session/protocol/message/constants.ts';
import type { RunningSession, SessionChannel } from './session-type.ts';

/** The real agent sleeps so long after each message, which is what caps its speed. */
const PACE_MS = 1;

export interface PortSessionOptions {
  /** Where to connect; undefined when the sandbox's network has nothing there. */
  address: { host: string; port: number } | undefined;
  pace: 'real' | 'off';
}

/** A plain port session: one TCP connection, its bytes in Output messages both ways. */
export class PortSession implements RunningSession {
  readonly #channel: SessionChannel;
  readonly #pace: 'real' | 'off';
  readonly #socket: Socket | undefined;
  #connected = false;
  #ended = false;
  #finished = false;
  #pending: Buffer | undefined;
  #paceTimer: NodeJS.Timeout | undefined;

  constructor(channel: SessionChannel, options: PortSessionOptions) {
    this.#channel = channel;
    this.#pace = options.pace;
    if (options.address === undefined) {
      channel.die();
      return;
    }
    const socket = connect({ ...options.address, noDelay: true });
    this.#socket = socket;
    socket.on('connect', () => (this.#connected = true));
    socket.on('data', (chunk) => {
      this.#pending = chunk;
      this.#pump();
    });
    socket.on('drain', () => this.#channel.holdClient(false));
    socket.on('error', () => {
      if (!this.#connected) channel.die();
    });
    socket.on('end', () => this.#remoteEnded());
    socket.on('close', () => {
      channel.holdClient(false);
      if (this.#connected) this.#remoteEnded();
    });
  }

  receive(payloadType: number, payload: Buffer): boolean {
    const socket = this.#socket;
    if (socket === undefined || !this.#connected) return false;
    switch (payloadType) {
      case PAYLOAD_TYPE.output:
        if (socket.writable && !socket.write(payload)) this.#channel.holdClient(true);
        return true;
      case PAYLOAD_TYPE.flag:
        this.#flag(payload, socket);
        return true;
      default:
        return true;
    }
  }

  resume(): void {
    this.#pump();
  }

  close(): void {
    clearTimeout(this.#paceTimer);
    this.#finished = true;
    this.#pending = undefined;
    this.#socket?.destroy();
  }

  #flag(payload: Buffer, socket: Socket): void {
    if (payload.length < 4) return;
    const flag = payload.readUInt32BE(0);
    if (flag === FLAG.terminateSession) this.#channel.terminate('');
    // Without LocalPortForwarding there is no reconnecting: the closed port ends the session.
    else if (flag === FLAG.disconnectToPort) socket.destroy();
  }

  /** Sends what was read, as far as the window goes; reading goes on when all of it is sent. */
  #pump(): void {
    if (this.#paceTimer !== undefined) return;
    while (this.#pending !== undefined && this.#channel.canSend()) {
      const payload = this.#pending.subarray(0, DEFAULT_PAYLOAD_BYTES);
      const rest = this.#pending.subarray(payload.length);
      this.#pending = rest.length === 0 ? undefined : rest;
      this.#channel.send(PAYLOAD_TYPE.output, payload);
      if (this.#pace === 'real') {
        this.#paceTimer = setTimeout(() => {
          this.#paceTimer = undefined;
          this.#pump();
        }, PACE_MS);
        break;
      }
    }
    if (this.#pending !== undefined || this.#paceTimer !== undefined) {
      this.#socket?.pause();
      return;
    }
    this.#socket?.resume();
    if (this.#ended) this.#finish();
  }

  #remoteEnded(): void {
    this.#ended = true;
    if (this.#pending === undefined) this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#channel.finish();
  }
}
