import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { FLAG, PAYLOAD_TYPE } from '../../session/protocol/message/constants.ts';
import { PacedOutput } from './paced-output.ts';
import type { PortSessionOptions } from './port-session.ts';
import type { RunningSession, SessionChannel } from './session-type.ts';

/**
 * LocalPortForwarding of an agent without multiplexing: one connection at a time, opened when the
 * session starts, and again with the first data after it was closed by either side.
 */
export class BasicPortSession implements RunningSession {
  readonly #channel: SessionChannel;
  readonly #options: PortSessionOptions;
  readonly #output: PacedOutput;
  #socket: Socket | undefined;
  #isConnected = false;

  constructor(channel: SessionChannel, options: PortSessionOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#output = new PacedOutput(channel, options.pace, () => this.#socket?.resume());
    this.#connect();
  }

  receive(payloadType: number, payload: Buffer): boolean {
    if (payloadType === PAYLOAD_TYPE.flag) {
      const flag = payload.length >= 4 ? payload.readUInt32BE(0) : 0;
      if (flag === FLAG.terminateSession) this.#channel.terminate('');
      if (flag === FLAG.disconnectToPort) this.#socket?.destroy();
      return true;
    }
    if (payloadType !== PAYLOAD_TYPE.output) return true;
    if (this.#socket === undefined) this.#connect();
    const socket = this.#socket;
    // Not taken, so not acknowledged: the client sends it again when the connection is up.
    if (socket?.writable !== true || !this.#isConnected) return false;
    if (!socket.write(payload)) this.#channel.holdClient(true);
    return true;
  }

  resume(): void {
    this.#output.pump();
  }

  close(): void {
    this.#output.close();
    this.#socket?.destroy();
  }

  #connect(): void {
    const { address } = this.#options;
    if (address === undefined) {
      this.#channel.die();
      return;
    }
    const socket = connect({ ...address, noDelay: true });
    this.#socket = socket;
    socket.on('connect', () => (this.#isConnected = true));
    socket.on('data', (chunk: Buffer) => {
      this.#output.push(chunk);
      if (this.#output.queuedBytes > 0) socket.pause();
    });
    socket.on('drain', () => this.#channel.holdClient(false));
    socket.on('error', () => {
      if (!this.#isConnected) this.#channel.terminate('');
    });
    socket.on('close', () => {
      this.#channel.holdClient(false);
      if (this.#socket === socket) this.#socket = undefined;
      this.#isConnected = false;
    });
  }
}
