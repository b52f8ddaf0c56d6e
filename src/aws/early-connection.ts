import type { Socket } from 'node:net';

/** How long an unclaimed connection may take; whoever needs one then opens it anew. */
const OPEN_TIMEOUT_MS = 10_000;

/**
 * A connection opened before anybody knows for sure that it is needed. It is a guess: whatever
 * goes wrong with it is nobody's error, it is just not there to be taken.
 */
export class EarlyConnection {
  /** Resolves when the connection is open or has failed. */
  readonly settled: Promise<void>;
  #settle: () => void = () => undefined;
  #isClosed = false;
  #socket: Socket | undefined;
  readonly #drop = (): void => this.close();

  /** @param open may throw or reject */
  constructor(open: () => Socket | Promise<Socket>) {
    this.settled = new Promise((resolve) => (this.#settle = resolve));
    const timer = setTimeout(this.#drop, OPEN_TIMEOUT_MS);
    void this.settled.then(() => clearTimeout(timer));
    try {
      const socket = open();
      if (socket instanceof Promise) socket.then((made) => this.#adopt(made), this.#drop);
      else this.#adopt(socket);
    } catch {
      this.close();
    }
  }

  /** There is no socket yet, and there will be: a proxy is asked for it. */
  get isPending(): boolean {
    return this.#socket === undefined && !this.#isClosed;
  }

  /** Hands the socket over, open or still opening; from now on its errors are the taker's. */
  take(): Socket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isClosed = true;
    this.#settle();
    if (socket !== undefined) {
      for (const event of ['error', 'end', 'close']) socket.off(event, this.#drop);
    }
    return socket;
  }

  /** Gives the connection up, whatever its state. */
  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#settle();
  }

  #adopt(socket: Socket): void {
    for (const event of ['error', 'end', 'close']) socket.on(event, this.#drop);
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    if (!('encrypted' in socket) && !socket.connecting) this.#settle();
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', this.#settle);
  }
}
