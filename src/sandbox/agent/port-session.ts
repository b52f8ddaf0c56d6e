import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { FLAG, PAYLOAD_TYPE } from '../../session/protocol/message/constants.ts';
import { PacedOutput } from './paced-output.ts';
import type { RunningSession, SessionChannel } from './session-type.ts';

export interface PortSessionOptions {
  /** Where to connect; undefined when the sandbox's network has nothing there. */
  address: { host: string; port: number } | undefined;
  pace: 'real' | 'off';
}

/** A plain port session: one TCP connection, its bytes in Output messages both ways. */
export class PortSession implements RunningSession {
  readonly #channel: SessionChannel;
  readonly #socket: Socket | undefined;
  #connected = false;
  #ended = false;
  #finished = false;
  readonly #output: PacedOutput;

  constructor(channel: SessionChannel, options: PortSessionOptions) {
    this.#channel = channel;
    this.#output = new PacedOutput(channel, options.pace, () => this.#sentAll());
    if (options.address === undefined) {
      channel.die();
      return;
    }
    const socket = connect({ ...options.address, noDelay: true });
    this.#socket = socket;
    socket.on('connect', () => (this.#connected = true));
    socket.on('data', (chunk) => {
      this.#output.push(chunk);
      if (this.#output.queuedBytes > 0) socket.pause();
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
    this.#output.pump();
  }

  close(): void {
    this.#finished = true;
    this.#output.close();
    this.#socket?.destroy();
  }

  #flag(payload: Buffer, socket: Socket): void {
    if (payload.length < 4) return;
    const flag = payload.readUInt32BE(0);
    if (flag === FLAG.terminateSession) this.#channel.terminate('');
    // Without LocalPortForwarding there is no reconnecting: the closed port ends the session.
    else if (flag === FLAG.disconnectToPort) socket.destroy();
  }

  #sentAll(): void {
    this.#socket?.resume();
    if (this.#ended) this.#finish();
  }

  #remoteEnded(): void {
    this.#ended = true;
    if (this.#output.queuedBytes === 0) this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#channel.finish();
  }
}
