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
  #socket: Socket | undefined;
  readonly #drop: () => void;

  /** @param socket just created, still connecting */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.#drop = () => {
      this.#socket = undefined;
      socket.destroy();
    };
    this.settled = new Promise((resolve) => {
      const timer = setTimeout(this.#drop, OPEN_TIMEOUT_MS);
      const settle = (): void => {
        clearTimeout(timer);
        resolve();
      };
      socket.once('encrypted' in socket ? 'secureConnect' : 'connect', settle);
      socket.once('close', settle);
    });
    for (const event of ['error', 'end', 'close']) socket.on(event, this.#drop);
  }

  /** Hands the socket over, open or still opening; from now on its errors are the taker's. */
  take(): Socket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return undefined;
    for (const event of ['error', 'end', 'close']) socket.off(event, this.#drop);
    return socket;
  }
}
