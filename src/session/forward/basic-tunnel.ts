import type { Socket } from 'node:net';
import { resetSocket } from './reset-socket.ts';
import type { TunnelLink, TunnelPlumbing } from './tunnel.ts';

const SINK_BYTES = 1024 * 1024;
/**
 * After the local side has half-closed: how long the far end may stay silent before the connection
 * is over. There is no word for a half-close, and none for a far end that has closed.
 */
const HALF_CLOSED_SILENCE_MS = 10_000;
/** The same while others wait for their turn; who has closed both ways looks just so. */
const HALF_CLOSED_SILENCE_WAITED_FOR_MS = 2_000;
/** Silence after a disconnect that shows that nothing of the old connection is under way. */
const QUIET_MS = 250;

/**
 * One local connection at a time, for agents without multiplexing (docs/protocol.md §6). Others
 * wait; when one closes the agent is told to disconnect, and connects again with the next data.
 */
export class BasicTunnel implements TunnelPlumbing {
  readonly bytes = { up: 0, down: 0 };
  readonly fairShare = 1;
  readonly #link: TunnelLink;
  #current: Socket | undefined;
  readonly #waiting: Socket[] = [];
  #silenceTimer: NodeJS.Timeout | undefined;
  /** Runs from a disconnect until the next connection may have the session. */
  #quietTimer: NodeJS.Timeout | undefined;
  #isEnded = false;

  constructor(link: TunnelLink) {
    this.#link = link;
  }

  get connections(): number {
    return this.#waiting.length + (this.#current === undefined ? 0 : 1);
  }

  /** It serves one connection; those that wait for their turn know why. */
  readonly isHeldUp = false;

  attach(socket: Socket): void {
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed(socket));
    const isFirstToWait = this.#waiting.push(socket) === 1;
    if (isFirstToWait && this.#current !== undefined && this.#silenceTimer !== undefined) {
      this.#watchSilence(this.#current);
    }
    this.#next();
  }

  receive(payload: Buffer): void {
    if (this.#quietTimer !== undefined) this.#waitForQuiet();
    const socket = this.#current;
    if (socket?.writable !== true) return;
    if (this.#silenceTimer !== undefined) this.#watchSilence(socket);
    this.bytes.down += payload.length;
    socket.write(payload);
    if (socket.writableLength >= SINK_BYTES) this.#link.setSinkFull(true);
  }

  connectToPortError(): void {
    if (this.#current !== undefined) resetSocket(this.#current);
  }

  wantsInput(): void {
    this.#current?.resume();
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#quietTimer);
    for (const socket of this.#waiting.splice(0)) resetSocket(socket);
    if (this.#current !== undefined) resetSocket(this.#current);
  }

  #next(): void {
    if (this.#current !== undefined || this.#quietTimer !== undefined) return;
    const socket = this.#waiting.shift();
    if (socket === undefined) return;
    this.#current = socket;
    socket.on('data', (chunk: Buffer) => {
      this.bytes.up += chunk.length;
      this.#link.sendInput(chunk);
      if (!this.#link.wantsInput) socket.pause();
    });
    socket.on('drain', () => this.#link.setSinkFull(false));
    socket.on('end', () => this.#watchSilence(socket));
    if (this.#link.wantsInput) socket.resume();
  }

  #watchSilence(socket: Socket): void {
    clearTimeout(this.#silenceTimer);
    const patienceMs =
      this.#waiting.length > 0 ? HALF_CLOSED_SILENCE_WAITED_FOR_MS : HALF_CLOSED_SILENCE_MS;
    this.#silenceTimer = setTimeout(() => {
      // What was not taken yet cannot have been answered, nor can what is missing be late.
      if (this.#link.isDrained && !this.#link.hasGap) socket.end(() => socket.destroySoon());
      else this.#watchSilence(socket);
    }, patienceMs);
  }

  #closed(socket: Socket): void {
    if (socket !== this.#current) {
      const at = this.#waiting.indexOf(socket);
      if (at >= 0) this.#waiting.splice(at, 1);
      return;
    }
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = undefined;
    this.#current = undefined;
    if (this.#isEnded) return;
    this.#link.setSinkFull(false);
    this.#link.sendDisconnect();
    this.#waitForQuiet();
  }

  /** What still arrives belongs to the old connection: the next one must not get it. */
  #waitForQuiet(): void {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => {
      if (!this.#link.isDrained || this.#link.hasGap) {
        this.#waitForQuiet();
        return;
      }
      this.#quietTimer = undefined;
      this.#next();
    }, QUIET_MS);
  }
}
