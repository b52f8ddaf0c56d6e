import { DEFAULT_PAYLOAD_BYTES, FLAG, MESSAGE_TYPE, PAYLOAD_TYPE } from '../message/constants.ts';
import { decodeMessage, encodeMessage } from '../message/message.ts';
import type { ClientMessage } from '../message/message.ts';
import { acknowledgedNumber, encodeAcknowledgement } from './acknowledgement.ts';
import type { DataKey } from './channel-encryption.ts';
import type { ChannelEvent, ProtocolFailure, SessionFacts } from './channel-event.ts';
import { ClientHandshake } from './client-handshake.ts';
import type { HandshakeStep } from './client-handshake.ts';
import { parsePeerObject, textField } from './handshake.ts';
import { OrderedReceiver } from './ordered-receiver.ts';
import { PublicationPause } from './publication-pause.ts';
import { RecentAcknowledgements } from './recent-acknowledgements.ts';
import { ReliableSender } from './reliable-sender.ts';
import type { SenderStatistics } from './reliable-sender.ts';
import { DEFAULT_WINDOW } from './send-window.ts';
import type { WindowLimits } from './send-window.ts';
import { TokenBucket } from './token-bucket.ts';
import type { Pace } from './token-bucket.ts';

/** The compatibility level this client speaks; it gates features in the agent (§5). */
export const CLIENT_VERSION = '1.2.764.0';

export interface ClientChannelOptions {
  nowMs: number;
  randomUuid: () => string;
  /** 12 random bytes, for each encrypted payload. */
  randomNonce: () => Buffer;
  clientVersion?: string;
  window?: WindowLimits;
  /** Data messages per second; without it they are not paced. */
  pace?: Pace;
  /** Bytes in one data message; 1024 is what the official client sends. */
  payloadBytes?: number;
}

/** Unsent bytes at which a caller should stop offering more. */
const BACKLOG_BYTES = 64 * 1024;

/**
 * The client's end of a Session Manager data channel, without IO: frames and time go in, frames,
 * events and the next deadline come out. It lives as long as the session, across any number of
 * sockets: numbers, unacknowledged messages and keys continue (docs/protocol.md §1.5, §4, §5).
 *
 * A caller's turn: feed `receive`, then drain `takeEvents`, then write `takeFrames`, and come
 * back at `deadlineMs` with `expire`.
 */
export class ClientChannel {
  readonly #options: Required<Pick<ClientChannelOptions, 'clientVersion' | 'payloadBytes'>> &
    ClientChannelOptions;
  readonly #sender: ReliableSender;
  readonly #receiver = new OrderedReceiver();
  readonly #bucket: TokenBucket | undefined;
  readonly #handshake: ClientHandshake;
  readonly #pause = new PublicationPause();
  #isEnded = false;
  #events: ChannelEvent[] = [];
  /** Acknowledgements: written before everything else, never paced or paused. */
  #acknowledgements: Buffer[] = [];
  readonly #recentAcknowledgements = new RecentAcknowledgements();
  #firstInputNumber: number | undefined;
  #hasDeliveredInput = false;
  #acknowledged = 0;
  /** By reason; the reasons are this program's own, so there are few. */
  readonly #droppedMessages: Record<string, number> = {};

  constructor(options: ClientChannelOptions) {
    this.#options = {
      ...options,
      clientVersion: options.clientVersion ?? CLIENT_VERSION,
      payloadBytes: options.payloadBytes ?? DEFAULT_PAYLOAD_BYTES,
    };
    this.#handshake = new ClientHandshake(this.#options.clientVersion);
    this.#sender = new ReliableSender(options.window ?? DEFAULT_WINDOW);
    this.#bucket = options.pace && new TokenBucket(options.pace, options.nowMs);
  }

  /** Data may flow: the handshake is complete and the session has not ended. */
  get isReady(): boolean {
    return this.#handshake.phase === 'complete' && !this.#isEnded;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The service asked to hold data back: the far end is away, or this side was too fast. */
  get isPaused(): boolean {
    return this.#pause.isPaused;
  }

  get session(): SessionFacts {
    return this.#handshake.session;
  }

  /** Everything handed over so far has been acknowledged by the agent. */
  get isDrained(): boolean {
    return this.#sender.pendingMessages === 0;
  }

  /** Whether the caller may offer more input now; false asks it to stop reading its source. */
  get wantsInput(): boolean {
    return this.isReady && this.#sender.unsentBytes < BACKLOG_BYTES;
  }

  /** Whether the agent has acknowledged input, beyond the handshake. */
  get hasDeliveredInput(): boolean {
    return this.#hasDeliveredInput;
  }

  /** Messages that arrived, or were acknowledged, in order: grows while the channel gets on. */
  get progress(): number {
    return this.#receiver.expected + this.#acknowledged;
  }

  /** A message is missing while later ones are here: the agent will send it again. */
  get hasGap(): boolean {
    return this.#receiver.bufferedMessages > 0;
  }

  /** Figures for the log; nothing secret. */
  get statistics(): ChannelStatistics {
    return {
      ...this.#sender.statistics,
      expectedSequenceNumber: this.#receiver.expected,
      earlyMessages: this.#receiver.bufferedMessages,
      droppedMessages: { ...this.#droppedMessages },
      pacePerSecond: this.#bucket && Math.round(this.#bucket.perSecond),
    };
  }

  /** Sends bytes as Output messages. Only when ready; the agent discards earlier input. */
  sendInput(bytes: Buffer, nowMs: number): void {
    if (!this.isReady) throw new Error('sendInput before the channel is ready');
    const step = this.#options.payloadBytes;
    for (let at = 0; at < bytes.length; at += step) {
      const part = bytes.subarray(at, at + step);
      this.#firstInputNumber ??= this.#sender.nextSequenceNumber;
      this.#queue(PAYLOAD_TYPE.output, this.#handshake.encryption?.encrypt(part) ?? part, nowMs);
    }
  }

  /** Tells the agent the terminal's size, in character cells. */
  sendSize(cols: number, rows: number, nowMs: number): void {
    this.#queue(PAYLOAD_TYPE.size, Buffer.from(JSON.stringify({ cols, rows })), nowMs);
  }

  /** Sends a flag of {@link FLAG}: disconnect the port, or end the session. */
  sendFlag(flag: (typeof FLAG)[keyof typeof FLAG], nowMs: number): void {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(flag, 0);
    this.#queue(PAYLOAD_TYPE.flag, payload, nowMs);
  }

  /**
   * Nothing has come, and the session's type may do without a handshake: its program may only be
   * waiting for input. Should a handshake come after all, it is answered, and `ready` comes again.
   */
  assumeReady(): void {
    if (this.#isEnded || this.#handshake.phase !== 'waiting') return;
    this.#handshake.assumeNone();
    this.#becomeReady('');
  }

  /** Takes one binary frame from the socket. Never throws on what a peer sends. */
  receive(frame: Buffer, nowMs: number): void {
    if (this.#isEnded) return;
    const decoded = decodeMessage(frame);
    if (!decoded.ok) {
      this.#drop(decoded.reason);
      return;
    }
    const { message } = decoded;
    switch (message.messageType) {
      case MESSAGE_TYPE.outputStreamData:
        this.#receiveData(message, nowMs);
        return;
      case MESSAGE_TYPE.acknowledge:
        this.#receiveAcknowledgement(message.payload, nowMs);
        return;
      case MESSAGE_TYPE.channelClosed:
        this.#receiveClosed(message.payload);
        return;
      case MESSAGE_TYPE.pausePublication:
        this.#beginPause(nowMs);
        return;
      case MESSAGE_TYPE.startPublication:
        this.#endPause(nowMs);
        return;
      default:
        this.#drop('unknown-type');
    }
  }

  /**
   * The socket is gone. Everything unacknowledged is sent again on the next one, and so are the
   * acknowledgements that may have been lost with it.
   * @param isPushBack whether the service closed it because too much was sent
   */
  connectionLost(nowMs: number, isPushBack = false): void {
    this.#acknowledgements = this.#recentAcknowledgements.repeat(this.progress);
    this.#pause.end();
    this.#sender.connectionLost();
    if (isPushBack) this.#bucket?.slowDown(nowMs);
  }

  /**
   * The caller takes frames from its socket again after it did not for a while: acknowledgements
   * were there, unread, so nothing counts as late yet.
   */
  listeningAgain(nowMs: number): void {
    this.#sender.listeningAgain(nowMs);
  }

  /** Takes the events since the last call, in order. */
  takeEvents(): ChannelEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /**
   * Takes the next frames to write, acknowledgements first; at most `limit` data frames, so that
   * a caller can watch its socket's buffer.
   */
  takeFrames(nowMs: number, limit = 256): Buffer[] {
    const frames = this.#acknowledgements;
    this.#acknowledgements = [];
    if (this.#isEnded) return frames;
    if (this.#pause.isPaused) {
      this.#probe(frames, nowMs);
      return frames;
    }
    this.#sender.detectLosses(nowMs);
    for (let count = 0; count < limit && this.#sender.hasFrame; count += 1) {
      if (this.#bucket?.take(nowMs) === false) break;
      const frame = this.#sender.nextFrame(nowMs);
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  }

  /** When `expire` wants to be called, or frames can go out; undefined with nothing to wait for. */
  deadlineMs(nowMs: number): number | undefined {
    if (this.#isEnded) return undefined;
    if (this.#pause.isPaused) return this.isDrained ? undefined : this.#pause.probeAtMs;
    const resend = this.#sender.deadlineMs();
    if (!this.#sender.hasFrame) return resend;
    const ready = this.#bucket?.readyAtMs(nowMs) ?? nowMs;
    return Math.min(resend ?? ready, ready);
  }

  /** Lets time pass: messages that waited too long are queued again. */
  expire(nowMs: number): void {
    if (this.#pause.isPaused || this.#isEnded) return;
    this.#sender.detectLosses(nowMs);
    if (this.#sender.isExhausted) {
      this.#fail('agent-unresponsive', 'a message was resent 3000 times without an answer');
    }
  }

  /** Continues after `data-key-needed`; the plaintext is wiped when the channel ends. */
  provideDataKey(dataKey: DataKey, nowMs: number): void {
    if (this.#isEnded) {
      dataKey.plaintext.fill(0);
      return;
    }
    this.#follow(this.#handshake.provideDataKey(dataKey, this.#options.randomNonce), nowMs);
  }

  /** Tells the agent that no data key could be had; it then ends the session. */
  refuseDataKey(reason: string, nowMs: number): void {
    this.#follow(this.#handshake.refuseDataKey(reason), nowMs);
  }

  /** Ends the channel on this side: keys are erased, nothing more is sent or taken. */
  end(): void {
    this.#isEnded = true;
    this.#handshake.end();
  }

  #probe(frames: Buffer[], nowMs: number): void {
    if (nowMs < this.#pause.probeAtMs) return;
    this.#pause.probed(nowMs);
    const frame = this.#sender.probeFrame(nowMs);
    if (frame !== undefined) frames.push(frame);
  }

  #queue(payloadType: number, payload: Buffer, nowMs: number): void {
    this.#sender.accept(payload.length, (sequenceNumber) =>
      encodeMessage({
        messageType: MESSAGE_TYPE.inputStreamData,
        schemaVersion: 1,
        createdDateMs: Math.floor(nowMs),
        sequenceNumber,
        flags: 0,
        messageId: this.#options.randomUuid(),
        payloadType,
        payload,
      }),
    );
  }

  #receiveData(message: ClientMessage, nowMs: number): void {
    this.#endPause(nowMs);
    const arrival = this.#receiver.classify(message);
    switch (arrival) {
      case 'dropped':
        this.#drop('no-room');
        return;
      case 'repeat':
        this.#acknowledge(message, nowMs);
        return;
      case 'buffered':
        this.#receiver.buffer(message);
        this.#acknowledge(message, nowMs);
        return;
      case 'next':
        break;
      default:
        arrival satisfies never;
    }
    if (!this.#isTakeable(message)) return;
    this.#acknowledge(message, nowMs);
    let next: ClientMessage | undefined = message;
    while (next !== undefined && this.#isTakeable(next)) {
      this.#receiver.release(next);
      this.#process(next, nowMs);
      next = this.#receiver.advance();
    }
  }

  /**
   * Output between the handshake's start and its completion is not taken: unacknowledged, the
   * agent sends it again. Taking it would let a peer slip plain text into an encrypted session.
   */
  #isTakeable(message: ClientMessage): boolean {
    const isOutput =
      message.payloadType === PAYLOAD_TYPE.output || message.payloadType === PAYLOAD_TYPE.stdErr;
    const { phase } = this.#handshake;
    return !(isOutput && (phase === 'asked' || phase === 'responded'));
  }

  #process(message: ClientMessage, nowMs: number): void {
    if (this.#isEnded) return;
    const { payload } = message;
    switch (message.payloadType) {
      case PAYLOAD_TYPE.output:
        this.#processOutput('output', payload);
        return;
      case PAYLOAD_TYPE.stdErr:
        this.#processOutput('std-err', payload);
        return;
      case PAYLOAD_TYPE.exitCode:
        this.#processExitCode(payload);
        return;
      case PAYLOAD_TYPE.handshakeRequest:
        this.#follow(this.#handshake.receiveRequest(payload), nowMs);
        return;
      case PAYLOAD_TYPE.encChallengeRequest:
        this.#processChallenge(payload, nowMs);
        return;
      case PAYLOAD_TYPE.handshakeComplete:
        if (this.#handshake.phase === 'responded') {
          this.#becomeReady(this.#handshake.receiveComplete(payload));
        }
        return;
      case PAYLOAD_TYPE.flag:
        if (payload.length === 4 && payload.readUInt32BE(0) === FLAG.connectToPortError) {
          this.#events.push({ type: 'connect-to-port-error' });
        }
        return;
      default:
        this.#drop('unknown-payload-type');
    }
  }

  #processOutput(type: 'output' | 'std-err', payload: Buffer): void {
    const isFirst = this.#handshake.phase === 'waiting';
    this.#handshake.outputCame();
    // An old agent, or a shell: its first message is output, there is no handshake.
    if (isFirst) this.#becomeReady('');
    const plaintext = this.#decrypted(payload);
    if (plaintext !== undefined) this.#events.push({ type, payload: plaintext });
  }

  #processExitCode(payload: Buffer): void {
    const text = this.#decrypted(payload)?.toString('latin1', 0, 32) ?? '';
    const [, code] = /^(?:EXIT_CODE: )?(-?\d{1,10})$/.exec(text) ?? [];
    if (code !== undefined) this.#events.push({ type: 'exit-code', code: Number(code) });
  }

  #decrypted(payload: Buffer): Buffer | undefined {
    const { encryption } = this.#handshake;
    if (encryption === undefined) return payload;
    const plaintext = encryption.decrypt(payload);
    if (plaintext === undefined) {
      this.#fail('encryption-failed', 'a message of the agent could not be decrypted');
    }
    return plaintext;
  }

  #processChallenge(payload: Buffer, nowMs: number): void {
    const answer = this.#handshake.answerChallenge(payload);
    if (answer === undefined) {
      this.#fail('encryption-failed', "the agent's encryption challenge does not match the key");
      return;
    }
    this.#queue(PAYLOAD_TYPE.encChallengeResponse, answer, nowMs);
  }

  #follow(step: HandshakeStep, nowMs: number): void {
    switch (step.do) {
      case 'send-response':
        this.#queue(PAYLOAD_TYPE.handshakeResponse, step.payload, nowMs);
        return;
      case 'fetch-data-key': {
        const { keyId, randomChallenge } = step;
        this.#events.push({ type: 'data-key-needed', keyId, randomChallenge });
        return;
      }
      case 'fail':
        this.#fail('handshake-refused', step.detail);
        return;
      case 'ignore':
        this.#drop(step.reason);
        return;
      default:
        step satisfies never;
    }
  }

  #becomeReady(customerMessage: string): void {
    this.#events.push({ type: 'ready', session: this.session, customerMessage });
  }

  #receiveAcknowledgement(payload: Buffer, nowMs: number): void {
    const sequenceNumber = acknowledgedNumber(payload);
    if (sequenceNumber === undefined) {
      this.#drop('unreadable-acknowledgement');
      return;
    }
    const acknowledged = this.#sender.acknowledge(sequenceNumber, nowMs);
    if (acknowledged === undefined) return;
    this.#acknowledged += 1;
    if (this.#pause.isOverWith(acknowledged.sentAtMs)) this.#endPause(nowMs);
    if (this.#firstInputNumber !== undefined && sequenceNumber >= this.#firstInputNumber) {
      this.#hasDeliveredInput = true;
    }
  }

  #receiveClosed(payload: Buffer): void {
    const content = parsePeerObject(payload);
    this.#events.push({
      type: 'closed',
      output: content === undefined ? '' : textField(content, 'Output'),
      isIncomplete: this.hasGap,
    });
    this.end();
  }

  #beginPause(nowMs: number): void {
    if (!this.#pause.begin(nowMs)) return;
    this.#bucket?.slowDown(nowMs);
    this.#events.push({ type: 'paused' });
  }

  #endPause(nowMs: number): void {
    if (!this.#pause.end()) return;
    this.#sender.listeningAgain(nowMs);
    this.#events.push({ type: 'resumed' });
  }

  #drop(reason: string): void {
    this.#droppedMessages[reason] = (this.#droppedMessages[reason] ?? 0) + 1;
  }

  #fail(failure: ProtocolFailure, detail: string): void {
    this.#events.push({ type: 'failed', failure, detail });
    this.end();
  }

  #acknowledge(message: ClientMessage, nowMs: number): void {
    const frame = encodeAcknowledgement(message, this.#options.randomUuid(), nowMs);
    this.#acknowledgements.push(frame);
    this.#recentAcknowledgements.add(frame, nowMs);
  }
}

/** Figures of a channel; nothing secret. */
export interface ChannelStatistics extends SenderStatistics {
  expectedSequenceNumber: number;
  earlyMessages: number;
  /** Messages that were not taken, by reason. */
  droppedMessages: Readonly<Record<string, number>>;
  /** Data messages per second allowed now; undefined when not paced. */
  pacePerSecond: number | undefined;
}
