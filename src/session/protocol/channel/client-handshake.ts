import { agentAbilities } from './agent-version.ts';
import { ChannelEncryption } from './channel-encryption.ts';
import type { DataKey } from './channel-encryption.ts';
import type { SessionFacts } from './channel-event.ts';
import {
  ACTION_STATUS,
  handshakeResponse,
  parseHandshakeRequest,
  parsePeerObject,
  textField,
} from './handshake.ts';
import type { ClientAction, ProcessedAction } from './handshake.ts';

/**
 * `waiting` for the agent's request · `asked`: it came, a KMS data key is being fetched ·
 * `responded` · `complete`: data may flow. An old agent without a handshake goes from `waiting`
 * to `complete` with its first output.
 */
export type HandshakePhase = 'waiting' | 'asked' | 'responded' | 'complete';

/** What the channel has to do next. */
export type HandshakeStep =
  | { do: 'send-response'; payload: Buffer }
  | { do: 'fetch-data-key'; keyId: string; randomChallenge: string | undefined }
  | { do: 'fail'; detail: string }
  | { do: 'ignore'; reason: string };

/** The client's side of the handshake (docs/protocol.md §5), and the keys it agrees on. */
export class ClientHandshake {
  phase: HandshakePhase = 'waiting';
  readonly session: SessionFacts = {
    agentVersion: '',
    abilities: agentAbilities(''),
    sessionType: '',
    properties: {},
  };
  encryption: ChannelEncryption | undefined;
  readonly #clientVersion: string;
  #actions: ClientAction[] = [];
  #isAssumed = false;

  constructor(clientVersion: string) {
    this.#clientVersion = clientVersion;
  }

  /** Goes on without a handshake, as long as none comes. */
  assumeNone(): void {
    this.phase = 'complete';
    this.#isAssumed = true;
  }

  /** Output has come: there will be no handshake. */
  outputCame(): void {
    this.phase = 'complete';
    this.#isAssumed = false;
  }

  /** Takes a HandshakeRequest; only the first one counts. */
  receiveRequest(payload: Buffer): HandshakeStep {
    if (this.phase !== 'waiting' && !this.#isAssumed)
      return { do: 'ignore', reason: 'second-handshake' };
    const request = parseHandshakeRequest(payload);
    if (request === undefined) {
      return { do: 'fail', detail: 'the agent sent a handshake that cannot be read' };
    }
    this.phase = 'asked';
    this.#isAssumed = false;
    this.session.agentVersion = request.agentVersion;
    this.session.abilities = agentAbilities(request.agentVersion);
    this.#actions = request.actions;
    for (const action of request.actions) {
      if (action.kind !== 'session-type') continue;
      this.session.sessionType = action.sessionType;
      this.session.properties = action.properties;
    }
    const kms = request.actions.find((action) => action.kind === 'kms-encryption');
    if (kms === undefined) return this.#respond();
    return { do: 'fetch-data-key', keyId: kms.keyId, randomChallenge: kms.randomChallenge };
  }

  /** Continues after `fetch-data-key`. The plaintext is wiped by {@link end}. */
  provideDataKey(dataKey: DataKey, randomNonce: () => Buffer): HandshakeStep {
    if (this.phase !== 'asked') {
      dataKey.plaintext.fill(0);
      return { do: 'ignore', reason: 'late-data-key' };
    }
    this.encryption = new ChannelEncryption(dataKey, randomNonce);
    return this.#respond((action) => ({
      ActionType: 'KMSEncryption',
      ActionStatus: ACTION_STATUS.ok,
      ActionResult: {
        KMSCipherTextKey: dataKey.ciphertextBlob.toString('base64'),
        KMSCipherTextHash: dataKey.ciphertextHash.toString('base64'),
        ChallengeAcknowledgement: action.randomChallenge !== undefined,
      },
      Error: '',
    }));
  }

  /** Tells the agent that no data key could be had; it then ends the session. */
  refuseDataKey(reason: string): HandshakeStep {
    if (this.phase !== 'asked') return { do: 'ignore', reason: 'late-data-key' };
    return this.#respond(() => ({
      ActionType: 'KMSEncryption',
      ActionStatus: ACTION_STATUS.failed,
      ActionResult: null,
      Error: reason,
    }));
  }

  /** Takes an EncChallengeRequest: the answer, or undefined when the keys do not match. */
  answerChallenge(payload: Buffer): Buffer | undefined {
    return this.phase === 'responded' ? this.encryption?.answerChallenge(payload) : undefined;
  }

  /** Takes HandshakeComplete: the message for the person (may be empty). */
  receiveComplete(payload: Buffer): string {
    this.phase = 'complete';
    const complete = parsePeerObject(payload);
    return complete === undefined ? '' : textField(complete, 'CustomerMessage');
  }

  /** Erases the keys. */
  end(): void {
    this.encryption?.wipe();
    this.encryption = undefined;
  }

  /** Answers every action of the request, an unknown one with "unsupported". */
  #respond(
    kmsResult?: (action: ClientAction & { kind: 'kms-encryption' }) => ProcessedAction,
  ): HandshakeStep {
    const processed = this.#actions.map((action): ProcessedAction => {
      if (action.kind === 'kms-encryption' && kmsResult !== undefined) return kmsResult(action);
      const isKnown = action.kind === 'session-type';
      return {
        ActionType: action.kind === 'unknown' ? action.actionType : 'SessionType',
        ActionStatus: isKnown ? ACTION_STATUS.ok : ACTION_STATUS.unsupported,
        ActionResult: null,
        Error: isKnown ? '' : 'this client does not know the action',
      };
    });
    this.phase = 'responded';
    return { do: 'send-response', payload: handshakeResponse(this.#clientVersion, processed) };
  }
}
