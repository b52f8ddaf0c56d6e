/** What a queued piece costs beside its bytes; else a peer that sends single bytes is cheap. */
const PIECE_COST_BYTES = 512;
/** Who has received something so recently is taken to want more. */
const WANTING_FOR_MS = 1_000;

export interface BacklogLimits {
  /** Bytes that may wait for one connection before the session is held. */
  connectionBytes: number;
  /** Bytes that may wait for all of them. */
  sessionBytes: number;
  /** How long a connection may hold the session up while others want something. */
  patienceMs: number;
}

export const BACKLOG_LIMITS: BacklogLimits = {
  connectionBytes: 8 * 1024 * 1024,
  sessionBytes: 64 * 1024 * 1024,
  patienceMs: 10_000,
};

interface Entry {
  waitingBytes: number;
  isFull: boolean;
  /** Nothing more comes for it. */
  isFinished: boolean;
  receivedAtMs: number;
  /** How long it has held others up since it was last half empty. */
  heldUpMs: number;
}

/**
 * What has arrived for local connections and was not taken by them yet. smux has no windows: for a
 * connection that takes nothing either memory grows, or the session is not read, with all that is
 * in it. So each may have some megabytes; then the session is held, for as long as nobody else
 * wants anything. Who holds others up for longer is given up. Time comes in as an argument.
 */
export class DownloadBacklog<Key> {
  readonly #limits: BacklogLimits;
  readonly #entries = new Map<Key, Entry>();
  #waitingBytes = 0;
  #full = 0;
  /** Since when somebody has wanted something of the held session. */
  #wantedSinceMs: number | undefined;

  constructor(limits = BACKLOG_LIMITS) {
    this.#limits = limits;
  }

  /** Whether the session must not be read now. */
  get isFull(): boolean {
    return this.#full > 0 || this.#waitingBytes >= this.#limits.sessionBytes;
  }

  /** What a piece counts for; the same when it is added and when it was taken. */
  static cost(piece: Buffer): number {
    return piece.length + PIECE_COST_BYTES;
  }

  /** A piece waits for a connection. */
  add(key: Key, bytes: number, nowMs: number): void {
    const entry = this.#entry(key);
    entry.receivedAtMs = nowMs;
    entry.waitingBytes += bytes;
    const wasFull = this.isFull;
    this.#waitingBytes += bytes;
    this.#judge(entry);
    if (this.isFull && !wasFull && this.#isWantedByOthers(nowMs)) this.#wantedSinceMs = nowMs;
  }

  /** A connection took a piece, or will never take it. */
  taken(key: Key, bytes: number, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#letTimePass(nowMs);
    entry.waitingBytes -= bytes;
    this.#waitingBytes -= bytes;
    if (entry.waitingBytes < this.#limits.connectionBytes / 2) entry.heldUpMs = 0;
    this.#judge(entry);
    if (!this.isFull) this.#wantedSinceMs = undefined;
  }

  /** Nothing more comes for a connection: what waits for it holds up nobody, but has its size. */
  finish(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.isFinished = true;
    this.#judge(entry);
  }

  /** A connection is gone, with all that waited for it. */
  remove(key: Key, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.isFinished = true;
    this.taken(key, entry.waitingBytes, nowMs);
    this.#entries.delete(key);
  }

  /** A connection has asked the far end for something. */
  wants(key: Key, nowMs: number): void {
    if (this.isFull && this.#entries.get(key)?.isFull !== true) this.#wantedSinceMs ??= nowMs;
  }

  /** The connection to give up now, if any; ask every now and then while `isFull`. */
  check(nowMs: number): Key | undefined {
    this.#letTimePass(nowMs);
    for (const [key, entry] of this.#entries) {
      if (entry.heldUpMs >= this.#limits.patienceMs) return key;
    }
    return undefined;
  }

  #entry(key: Key): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = {
      waitingBytes: 0,
      isFull: false,
      isFinished: false,
      receivedAtMs: -Infinity,
      heldUpMs: 0,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  /** Full from the limit on, until an eighth of it has been taken. */
  #judge(entry: Entry): void {
    const { connectionBytes } = this.#limits;
    const limit = entry.isFull ? (connectionBytes / 8) * 7 : connectionBytes;
    const isFull = !entry.isFinished && entry.waitingBytes >= limit;
    if (isFull !== entry.isFull) this.#full += isFull ? 1 : -1;
    entry.isFull = isFull;
  }

  #isWantedByOthers(nowMs: number): boolean {
    return [...this.#entries.values()].some(
      ({ isFull, isFinished, receivedAtMs }) =>
        !isFull && !isFinished && nowMs - receivedAtMs < WANTING_FOR_MS,
    );
  }

  /** Charges the time since the last look to those who hold the session up. */
  #letTimePass(nowMs: number): void {
    if (this.#wantedSinceMs === undefined) return;
    const elapsedMs = nowMs - this.#wantedSinceMs;
    this.#wantedSinceMs = nowMs;
    for (const entry of this.#blockers()) entry.heldUpMs += elapsedMs;
  }

  #blockers(): Entry[] {
    const entries = [...this.#entries.values()];
    if (this.#full > 0) return entries.filter(({ isFull }) => isFull);
    // All together are too much: the one with the most.
    return entries
      .toSorted((left, right) => right.waitingBytes - left.waitingBytes)
      .slice(0, this.isFull ? 1 : 0);
  }
}
