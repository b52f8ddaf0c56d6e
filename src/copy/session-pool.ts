import { setTimeout as sleep } from 'node:timers/promises';
import { DevaccessError } from '../platform/errors.ts';
import { SftpConnection } from './ssh/sftp-connection.ts';
import { isWorthRetrying } from './ssh/ssh-failure.ts';
import type { SshProgram } from './ssh/ssh-program.ts';

export interface SessionPoolOptions {
  /** For all but the first: it must not ask. */
  program: SshProgram;
  /** A session is open; it is used until it is gone. */
  onOpen: (connection: SftpConnection) => void;
  /** None is open, and none can be opened. */
  onExhausted: (reason: Error) => void;
  /** Something for the person to know. */
  onNotice: (text: string) => void;
  /** Bytes moved so far: a connection that moved some was worth opening. */
  movedBytes: () => number;
}

/** Tries in a row to open one session again. */
const MAX_TRIES = 4;
const FIRST_PAUSE_MS = 500;

/** Keeps a number of sessions to one server open: what is lost is opened again a few times. */
export class SessionPool {
  readonly #options: SessionPoolOptions;
  readonly #open = new Set<SftpConnection>();
  readonly #stopped = new AbortController();
  /** The most that were open at a time. */
  peak = 1;
  #keepers = 0;
  #lastReason: Error;
  #hasSaidFewer = false;

  /** @param first is open, and the person has logged in with it */
  constructor(first: SftpConnection, options: SessionPoolOptions) {
    this.#options = options;
    this.#lastReason = new DevaccessError('DA_SSH_CONNECT', 'The connection was lost');
    this.#open.add(first);
    void this.#keep(first);
  }

  /**
   * An open session for a single request.
   *
   * @throws DevaccessError why there is none
   */
  get any(): SftpConnection {
    for (const connection of this.#open) if (connection.isOpen) return connection;
    throw this.#lastReason;
  }

  /** Opens more until there are `wanted`. The second comes alone: where it is refused, all would be. */
  async grow(wanted: number): Promise<void> {
    if (wanted <= this.#keepers) return;
    let second: (isOpen: boolean) => void = () => undefined;
    const opened = new Promise<boolean>((resolve) => {
      second = resolve;
    });
    void this.#keep(undefined, second);
    if (!(await opened)) {
      this.#sayFewer(wanted);
      return;
    }
    const more = Array.from({ length: wanted - this.#keepers }, () => {
      return new Promise<boolean>((resolve) => void this.#keep(undefined, resolve));
    });
    if ((await Promise.all(more)).includes(false)) this.#sayFewer(wanted);
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(Array.from(this.#open, (connection) => connection.close()));
  }

  kill(): void {
    this.#stopped.abort();
    for (const connection of this.#open) connection.kill();
  }

  /** Keeps one session, until opening it again has failed too often. */
  async #keep(
    connection: SftpConnection | undefined,
    onFirst: (isOpen: boolean) => void = () => undefined,
  ): Promise<void> {
    this.#keepers += 1;
    let failures = 0;
    let current = connection;
    while (!this.#isStopped && failures < MAX_TRIES) {
      const movedBefore = this.#options.movedBytes();
      try {
        current ??= await this.#openAnother();
        onFirst(true);
        this.#lastReason = await current.gone;
        this.#open.delete(current);
        if (isCode(this.#lastReason, 'DA_SFTP_PROTOCOL')) break;
        if (this.#options.movedBytes() > movedBefore) failures = 0;
      } catch (error) {
        this.#lastReason = error as Error;
        if (!isWorthRetrying(error)) break;
      }
      current = undefined;
      failures += 1;
      await this.#pause(FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.75 + Math.random() / 2));
    }
    this.#keepers -= 1;
    onFirst(false);
    if (!this.#isStopped && this.#keepers === 0) this.#options.onExhausted(this.#lastReason);
  }

  async #openAnother(): Promise<SftpConnection> {
    const { program } = this.#options;
    const connection = await SftpConnection.open(program, () => undefined, this.#stopped.signal);
    this.#open.add(connection);
    this.peak = Math.max(this.peak, this.#open.size);
    this.#options.onOpen(connection);
    return connection;
  }

  get #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }

  #sayFewer(wanted: number): void {
    if (this.#hasSaidFewer || this.#isStopped) return;
    this.#hasSaidFewer = true;
    const reason = this.#lastReason;
    const advice = isCode(reason, 'DA_SSH_AUTH')
      ? '; only the first may ask: let ssh-agent hold the key'
      : '';
    const count = `${this.#open.size} of ${wanted} sessions could be opened`;
    this.#options.onNotice(`${count} (${reason.message})${advice}`);
  }
}

function isCode(error: Error, code: string): boolean {
  return error instanceof DevaccessError && error.code === code;
}
