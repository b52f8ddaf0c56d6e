import { MAX_TIMEOUT_MS } from './retransmission-timeout.ts';
import type { RetransmissionTimeout } from './retransmission-timeout.ts';

/**
 * The peers look at their oldest message every 100 ms, so none of them resends sooner. The
 * computed timeout can be 10 ms on a fast path, where a busy peer easily acknowledges later.
 */
const MIN_TIMEOUT_MS = 100;
const MIN_REORDER_MS = 2;
const MAX_REORDER_SHARE = 8;
const REORDER_SHARE_STEP = 1.25;
/** After so many timeouts in a row all that follow are the longest. */
const MAX_DOUBLINGS = 4;
const MAX_PROBES = 64;

/**
 * Decides which messages in flight are lost. There are no cumulative acknowledgements, so each
 * one tells exactly which message arrived: what was sent clearly before an arrived message is
 * lost (as RACK does, RFC 8985). When nothing at all arrives for the retransmission timeout, some
 * of the oldest are sent again as probes (more of them each time); the answer to one then tells
 * about the rest. So a peer that is only late costs a probe, not the whole flight again.
 */
export class LossDetector {
  readonly #timeout: RetransmissionTimeout;
  /** When the latest message known to have arrived was sent. */
  #deliveredSentAtMs = -Infinity;
  /** The same from a message that was sent twice: believed after a moment. */
  #doubtful: { sentAtMs: number; believedAtMs: number } | undefined;
  /** Share of the round trip that messages may overtake one another by before one counts as lost. */
  #reorderShare = 0.25;
  #timeoutsInARow = 0;
  /** The timeout runs from here at the earliest: the last acknowledgement, or the last timeout. */
  #quietSinceMs = -Infinity;

  constructor(timeout: RetransmissionTimeout) {
    this.#timeout = timeout;
  }

  /** Forgets what the previous socket showed. */
  connectionLost(): void {
    this.#deliveredSentAtMs = -Infinity;
    this.#doubtful = undefined;
    this.#timeoutsInARow = 0;
    this.#quietSinceMs = -Infinity;
  }

  /** The caller could not hear acknowledgements until now: the timeout starts anew. */
  restart(nowMs: number): void {
    this.#quietSinceMs = nowMs;
  }

  /** A message was acknowledged whose latest of `sends` sendings was at `sentAtMs`. */
  delivered(sentAtMs: number, sends: number, nowMs: number): void {
    this.#quietSinceMs = nowMs;
    this.#timeoutsInARow = 0;
    if (sends === 1) {
      this.#deliveredSentAtMs = Math.max(this.#deliveredSentAtMs, sentAtMs);
      return;
    }
    // An answer sooner than half a round trip after a resend belongs to the first sending. A later
    // one may too, when the peer was busy; then the answers to the others are right behind it.
    if (nowMs - sentAtMs < this.#timeout.smoothedMs / 2) return;
    this.#doubtful = {
      sentAtMs: Math.max(sentAtMs, this.#doubtful?.sentAtMs ?? sentAtMs),
      believedAtMs: this.#doubtful?.believedAtMs ?? nowMs + this.#reorderMs,
    };
  }

  /** What was taken for lost after being overtaken did arrive: allow for more reordering. */
  wasWrong(): void {
    this.#reorderShare = Math.min(this.#reorderShare * REORDER_SHARE_STEP, MAX_REORDER_SHARE);
  }

  /** Everything in flight that was sent at this moment or before is lost. */
  lostUntilMs(nowMs: number): number {
    if (this.#doubtful !== undefined && nowMs >= this.#doubtful.believedAtMs) {
      this.#deliveredSentAtMs = Math.max(this.#deliveredSentAtMs, this.#doubtful.sentAtMs);
      this.#doubtful = undefined;
    }
    return this.#deliveredSentAtMs - this.#reorderMs;
  }

  /** How many of the oldest messages to send again because nothing arrives; usually none. */
  takeProbes(oldestSentAtMs: number, nowMs: number): number {
    if (nowMs < this.#timeoutAtMs(oldestSentAtMs)) return 0;
    this.#quietSinceMs = nowMs;
    this.#timeoutsInARow += 1;
    return Math.min(2 ** (this.#timeoutsInARow - 1), MAX_PROBES);
  }

  /** When to look again, with a message in flight since `oldestSentAtMs`. */
  deadlineMs(oldestSentAtMs: number): number {
    return Math.min(this.#timeoutAtMs(oldestSentAtMs), this.#doubtful?.believedAtMs ?? Infinity);
  }

  #timeoutAtMs(oldestSentAtMs: number): number {
    const doublings = Math.min(this.#timeoutsInARow, MAX_DOUBLINGS);
    const waitMs = Math.max(this.#timeout.timeoutMs, MIN_TIMEOUT_MS) * 2 ** doublings;
    return Math.max(oldestSentAtMs, this.#quietSinceMs) + Math.min(waitMs, MAX_TIMEOUT_MS);
  }

  get #reorderMs(): number {
    const share = this.#timeout.smoothedMs * this.#reorderShare;
    return Math.max(MIN_REORDER_MS, Math.min(share, MAX_TIMEOUT_MS));
  }
}
