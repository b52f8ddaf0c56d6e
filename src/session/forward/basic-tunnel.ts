import type { Socket } from 'node:net';
import type { TunnelLink, TunnelPlumbing } from './tunnel.ts';

const SINK_BYTES = 1024 * 1024;

/**
 * One local connection at a time, for agents without multiplexing (docs/protocol.md §6). Others
 * wait; when one closes the agent is told to disconnect, and connects again with the next data.
 */
export class BasicTunnel implements TunnelPlumbing {
  readonly bytes = { up: 0, down: 0 };
  readonly #link: TunnelLink;
  #current: Socket | undefined;
  readonly #waiting: Socket[] = [];

  constructor(link: TunnelLink) {
    this.#link = link;
  }

  get connections(): number {
    return this.#waiting.length + (this.#current === undefined ? 0 : 1);
  }

  attach(socket: Socket): void {
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed(socket));
    socket.pause();
    this.#waiting.push(socket);
    this.#next();
  }

  receive(payload: Buffer): void {
    const socket = this.#current;
    if (socket?.writable !== true) return;
    this.bytes.down += payload.length;
    socket.write(payload);
    if (socket.writableLength >= SINK_BYTES) this.#link.setSinkFull(true);
  }

  connectToPortError(): void {
    this.#current?.resetAndDestroy();
  }

  wantsInput(): void {
    this.#current?.resume();
  }

  end(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#current?.destroy();
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const socket = this.#waiting.shift();
    if (socket === undefined) return;
    this.#current = socket;
    socket.on('data', (chunk: Buffer) => {
      this.bytes.up += chunk.length;
      this.#link.sendInput(chunk);
      if (!this.#link.wantsInput) socket.pause();
    });
    socket.on('drain', () => this.#link.setSinkFull(false));
    socket.on('end', () => socket.end());
    if (this.#link.wantsInput) socket.resume();
  }

  #closed(socket: Socket): void {
    if (socket !== this.#current) {
      const at = this.#waiting.indexOf(socket);
      if (at >= 0) this.#waiting.splice(at, 1);
      return;
    }
    this.#current = undefined;
    this.#link.setSinkFull(false);
    this.#link.sendDisconnect();
    this.#next();
  }
}
