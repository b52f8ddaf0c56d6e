/** Older ones have arrived: the socket lived on after them. */
const KEEP_MS = 1_000;
const KEEP_MESSAGES = 2_048;

/**
 * The acknowledgements of the last moment. When a socket is cut some of them are lost with it, and
 * the agent sends the messages they were for again, only the oldest and about ten a second
 * (docs/protocol.md §7): everything behind waits for minutes. So they are repeated on the next
 * socket; the agent ignores those it has.
 */
export class RecentAcknowledgements {
  #entries: { frame: Buffer; atMs: number }[] = [];
  #head = 0;
  #progressAtRepeat: number | undefined;

  add(frame: Buffer, nowMs: number): void {
    this.#entries.push({ frame, atMs: nowMs });
    this.#forget(nowMs);
  }

  /**
   * The frames to repeat on a new socket, oldest first. Where the channel has got nothing done since
   * the last time, that socket was cut among its repeats: the older half of them counts as having
   * arrived, or a path that is cut again and again would carry nothing else for ever.
   */
  repeat(progress: number): Buffer[] {
    if (this.#progressAtRepeat === progress) {
      this.#head += Math.ceil((this.#entries.length - this.#head) / 2);
    }
    this.#progressAtRepeat = progress;
    return this.#entries.slice(this.#head).map(({ frame }) => frame);
  }

  #forget(nowMs: number): void {
    for (;;) {
      const oldest = this.#entries[this.#head];
      if (oldest === undefined) break;
      const isOld = nowMs - oldest.atMs > KEEP_MS;
      if (!isOld && this.#entries.length - this.#head <= KEEP_MESSAGES) break;
      this.#head += 1;
    }
    if (this.#head > KEEP_MESSAGES) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }
}
