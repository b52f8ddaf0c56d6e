import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { homedir } from 'node:os';
import { PAYLOAD_TYPE } from '../../session/protocol/message/constants.ts';
import type { AgentEnd, AgentLink } from '../gateway/agent-end.ts';
import type { SandboxNetwork } from '../network.ts';
import type { SandboxSession, SessionRegistry } from '../session-registry.ts';
import type { AgentNode } from './agent-node.ts';
import { AgentEncryption } from './agent-encryption.ts';
import type { AgentKms } from './agent-encryption.ts';
import { AgentSequencer } from './agent-sequencer.ts';
import {
  ACTION,
  challengePayload,
  checkHandshakeResponse,
  handshakeComplete,
  handshakeRequest,
  parseChallenge,
} from './handshake.ts';
import type { PayloadCipher } from './payload-cipher.ts';
import { planSession } from './session-plan.ts';
import type { RunningSession, SessionChannel, SessionPlan } from './session-type.ts';

export interface AgentOptions {
  session: SandboxSession;
  registry: SessionRegistry;
  network: SandboxNetwork;
  /** The machine it runs on. Default: this one. */
  node?: AgentNode;
  /** The instance the agent runs on. Default: the session's target. */
  instanceId?: string;
  /** Default "3.3.987.0". */
  agentVersion?: string;
  /** `real`: one message of 1024 bytes a millisecond, as the real agent. Default `off`. */
  pace?: 'real' | 'off';
  /**
   * Data messages in flight before the session's source is not read any more. Default 2048. The
   * real agent has no window, but its pace keeps few in flight.
   */
  windowMessages?: number;
  /** Encrypts the session with a KMS key. Default: not encrypted. */
  kms?: AgentKms;
  /** Time for each of the client's answers. Default 15 000 ms, as the real agent. */
  handshakeTimeoutMs?: number;
  /** From the end of the session at the agent to channel_closed. Default 60 ms, as measured. */
  endDelayMs?: number;
  /** Longest wait for acknowledgements when the far end has closed. Default 60 000 ms. */
  drainTimeoutMs?: number;
}

const DEFAULTS = {
  agentVersion: '3.3.987.0',
  windowMessages: 2048,
  handshakeTimeoutMs: 15_000,
  endDelayMs: 60,
  drainTimeoutMs: 60_000,
} as const;

/** What the real agent's buffer of unacknowledged messages holds. */
const MAX_IN_FLIGHT = 100_000;

const CHALLENGE_BYTES = 64;

/** An SSM agent for one session, in this process. It starts when the gateway connects it. */
export function createAgent(options: AgentOptions): AgentEnd {
  return new Agent(options);
}

type Answer = 'handshake-response' | 'challenge-response';

class Agent implements AgentEnd, SessionChannel {
  readonly #options: AgentOptions;
  readonly #sequencer: AgentSequencer;
  readonly #windowMessages: number;
  #link: AgentLink | undefined;
  #linkReady = true;
  /** While the client is not read its acknowledgements are not either: the window must not bind. */
  #isHeld = false;
  #running: RunningSession | undefined;
  #cipher: PayloadCipher | undefined;
  #awaited: { answer: Answer; resolve: (payload: Buffer) => void } | undefined;
  #handshakeDone = false;
  #finishing = false;
  #closed = false;
  #dead = false;
  #checkTimer: NodeJS.Timeout | undefined;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#windowMessages = options.windowMessages ?? DEFAULTS.windowMessages;
    this.#sequencer = new AgentSequencer({
      deliver: (payloadType, payload) => this.#deliver(payloadType, payload),
      newMessageId: randomUUID,
    });
  }

  connect(link: AgentLink): void {
    this.#link = link;
    const { session, network, pace = 'off' } = this.#options;
    const instanceId = this.#options.instanceId ?? session.target;
    const planned = planSession(session, {
      network,
      instanceId,
      pace,
      agentVersion: this.#options.agentVersion ?? DEFAULTS.agentVersion,
      node: this.#options.node ?? { homeDirectory: homedir() },
    });
    if (!planned.ok) {
      this.terminate(planned.reason);
      return;
    }
    if (planned.plan.isHandshakeOptional === true && this.#options.kms === undefined) {
      this.#handshakeDone = true;
      this.#running = planned.plan.start(this, '');
      return;
    }
    this.#shakeHands(planned.plan).catch((error: unknown) => {
      this.terminate(error instanceof Error ? error.message : String(error));
    });
  }

  receive(frame: Buffer): void {
    if (this.#dead || this.#closed) return;
    this.#sequencer.receive(frame, Date.now());
    this.#flush();
    this.#running?.resume();
    this.#endWhenAcknowledged();
  }

  resume(): void {
    this.#linkReady = true;
    this.#running?.resume();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#checkTimer);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#running?.close();
    this.#cipher?.erase();
  }

  canSend(): boolean {
    return (
      this.#linkReady &&
      !this.#closed &&
      !this.#sequencer.isPaused &&
      this.#sequencer.unacknowledgedCount < (this.#isHeld ? MAX_IN_FLIGHT : this.#windowMessages)
    );
  }

  send(payloadType: number, payload: Buffer): void {
    const encrypts =
      payloadType === PAYLOAD_TYPE.output ||
      payloadType === PAYLOAD_TYPE.stdErr ||
      payloadType === PAYLOAD_TYPE.exitCode;
    const wire = encrypts && this.#cipher !== undefined ? this.#cipher.encrypt(payload) : payload;
    this.#sequencer.send(payloadType, wire, Date.now());
    this.#flush();
  }

  holdClient(held: boolean): void {
    this.#isHeld = held;
    if (!this.#closed) this.#link?.holdClient(held);
  }

  finish(): void {
    if (this.#closed) return;
    this.#finishing = true;
    this.#after(this.#options.drainTimeoutMs ?? DEFAULTS.drainTimeoutMs, () => this.terminate(''));
    this.#endWhenAcknowledged();
  }

  terminate(reason: string): void {
    this.#running?.close();
    const { registry, session } = this.#options;
    this.#after(
      this.#options.endDelayMs ?? DEFAULTS.endDelayMs,
      () => void registry.terminate(session.sessionId, reason),
    );
  }

  die(): void {
    this.#dead = true;
    clearTimeout(this.#checkTimer);
    this.#link?.setAvailable(false);
  }

  async #shakeHands(plan: SessionPlan): Promise<void> {
    const { agentVersion = DEFAULTS.agentVersion, kms, session } = this.#options;
    const startedAtMs = performance.now();
    const encryption = kms === undefined ? undefined : new AgentEncryption(kms);
    const actions = [{ ActionType: ACTION.sessionType as string, ActionParameters: plan.request }];
    const requested = encryption === undefined ? actions : [...actions, encryption.action()];
    this.send(PAYLOAD_TYPE.handshakeRequest, handshakeRequest(agentVersion, requested));
    const response = checkHandshakeResponse(
      await this.#answer('handshake-response'),
      requested.map((action) => action.ActionType),
    );
    if (!response.ok) throw new Error(`Handshake failed: ${response.reason}`);
    if (encryption !== undefined && response.kms !== undefined) {
      this.#cipher = await encryption.agree(response.kms, session.sessionId, session.target);
      await this.#challenge(this.#cipher);
    }
    if (this.#closed) return;
    const customerMessage =
      (plan.customerMessage?.(response.clientVersion) ?? '') +
      (encryption === undefined ? '' : 'This session is encrypted using AWS KMS.');
    this.send(
      PAYLOAD_TYPE.handshakeComplete,
      handshakeComplete(performance.now() - startedAtMs, customerMessage),
    );
    this.#handshakeDone = true;
    this.#running = plan.start(this, response.clientVersion);
  }

  async #challenge(cipher: PayloadCipher): Promise<void> {
    const challenge = randomBytes(CHALLENGE_BYTES);
    this.send(PAYLOAD_TYPE.encChallengeRequest, challengePayload(cipher.encrypt(challenge)));
    const encrypted = parseChallenge(await this.#answer('challenge-response'));
    const answer = encrypted === undefined ? undefined : cipher.decrypt(encrypted);
    if (answer?.length !== challenge.length || !timingSafeEqual(answer, challenge)) {
      throw new Error('Encryption challenge does not match!');
    }
  }

  /** The payload of the client's answer; rejects when it does not come in time. */
  #answer(answer: Answer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const timer = this.#after(
        this.#options.handshakeTimeoutMs ?? DEFAULTS.handshakeTimeoutMs,
        () => {
          this.#awaited = undefined;
          reject(new Error('Handshake timed out'));
        },
      );
      this.#awaited = {
        answer,
        resolve: (payload) => {
          clearTimeout(timer);
          this.#timers.delete(timer);
          this.#awaited = undefined;
          resolve(payload);
        },
      };
    });
  }

  #deliver(payloadType: number, payload: Buffer): boolean {
    switch (payloadType) {
      case PAYLOAD_TYPE.handshakeResponse:
        if (this.#awaited?.answer === 'handshake-response') this.#awaited.resolve(payload);
        return true;
      case PAYLOAD_TYPE.encChallengeResponse:
        if (this.#awaited?.answer === 'challenge-response') this.#awaited.resolve(payload);
        return true;
      default:
    }
    // Acknowledged and thrown away: a client must not send before HandshakeComplete.
    if (!this.#handshakeDone) return true;
    if (this.#running === undefined) return false;
    if (payloadType !== PAYLOAD_TYPE.output || this.#cipher === undefined) {
      return this.#running.receive(payloadType, payload);
    }
    const plaintext = this.#cipher.decrypt(payload);
    // What cannot be decrypted is never acknowledged, as with the real agent.
    return plaintext !== undefined && this.#running.receive(payloadType, plaintext);
  }

  #flush(): void {
    if (this.#link === undefined || this.#dead || this.#closed) return;
    for (const frame of this.#sequencer.takeFrames()) this.#linkReady = this.#link.send(frame);
    this.#scheduleCheck();
  }

  #scheduleCheck(): void {
    const atMs = this.#sequencer.nextCheckAtMs;
    if (this.#checkTimer !== undefined || atMs === undefined) return;
    this.#checkTimer = setTimeout(
      () => {
        this.#checkTimer = undefined;
        this.#sequencer.check(Date.now());
        this.#flush();
      },
      Math.max(0, atMs - Date.now()),
    );
  }

  #endWhenAcknowledged(): void {
    if (!this.#finishing || this.#sequencer.unacknowledgedCount > 0) return;
    this.#finishing = false;
    this.terminate('');
  }

  #after(delayMs: number, action: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
    return timer;
  }
}
