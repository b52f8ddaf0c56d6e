/** The handshake's JSON payloads as the agent writes and checks them (docs/protocol.md §5). */

export const ACTION = { sessionType: 'SessionType', kmsEncryption: 'KMSEncryption' } as const;

const ACTION_STATUS_OK = 1;

export interface RequestedAction {
  ActionType: string;
  ActionParameters: Record<string, unknown>;
}

/** What the client's answer to KMSEncryption says. */
export interface KmsAnswer {
  ciphertextKey: Buffer;
  challengeAcknowledged: boolean;
}

export type HandshakeResponse =
  { ok: true; clientVersion: string; kms: KmsAnswer | undefined } | { ok: false; reason: string };

export function handshakeRequest(
  agentVersion: string,
  requestedActions: readonly RequestedAction[],
): Buffer {
  return jsonPayload({
    AgentVersion: agentVersion,
    RequestedClientActions: requestedActions,
  });
}

/** @param tookMs time since the request; travels in nanoseconds */
export function handshakeComplete(tookMs: number, customerMessage: string): Buffer {
  return jsonPayload({
    HandshakeTimeToComplete: Math.round(tookMs * 1e6),
    CustomerMessage: customerMessage,
  });
}

export function challengePayload(challenge: Buffer): Buffer {
  return jsonPayload({ Challenge: challenge.toString('base64') });
}

/** The encrypted challenge a client answered with, or undefined when the payload is malformed. */
export function parseChallenge(payload: Buffer): Buffer | undefined {
  const value = parseObject(payload);
  return typeof value?.Challenge === 'string' ? Buffer.from(value.Challenge, 'base64') : undefined;
}

/**
 * Checks a HandshakeResponse. Stricter than the real agent, which lets a missing answer pass:
 * every requested action must be answered once, with status 1.
 */
export function checkHandshakeResponse(
  payload: Buffer,
  requestedTypes: readonly string[],
): HandshakeResponse {
  const response = parseObject(payload);
  if (response === undefined) return refusal('the response is not a JSON object');
  const { ClientVersion, ProcessedClientActions, Errors } = response;
  if (typeof ClientVersion !== 'string' || !/^\d+(\.\d+){2,3}$/.test(ClientVersion)) {
    return refusal('ClientVersion is not a version');
  }
  if (!Array.isArray(ProcessedClientActions)) {
    return refusal('ProcessedClientActions is not an array');
  }
  if (Errors !== null && Errors !== undefined && !Array.isArray(Errors)) {
    return refusal('Errors is not an array');
  }
  const answers = new Map<string, Record<string, unknown>>();
  for (const action of ProcessedClientActions as unknown[]) {
    if (typeof action !== 'object' || action === null) return refusal('an action is no object');
    const answer = action as Record<string, unknown>;
    const { ActionType, ActionStatus, Error: error } = answer;
    if (typeof ActionType !== 'string' || !requestedTypes.includes(ActionType)) {
      return refusal('an action was answered that was not requested');
    }
    if (answers.has(ActionType)) return refusal(`${ActionType} was answered twice`);
    if (ActionStatus !== ACTION_STATUS_OK) {
      return refusal(
        `${ActionType} failed on client with status ${String(ActionStatus)} error: ${String(error)}`,
      );
    }
    answers.set(ActionType, answer);
  }
  for (const type of requestedTypes) {
    if (!answers.has(type)) return refusal(`${type} was not answered`);
  }
  const kmsAction = answers.get(ACTION.kmsEncryption);
  if (kmsAction === undefined) return { ok: true, clientVersion: ClientVersion, kms: undefined };
  const kms = kmsAnswer(kmsAction.ActionResult);
  if (kms === undefined) return refusal('the KMSEncryption result is malformed');
  return { ok: true, clientVersion: ClientVersion, kms };
}

function kmsAnswer(result: unknown): KmsAnswer | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const { KMSCipherTextKey: key, ChallengeAcknowledgement: acknowledged } = result as Record<
    string,
    unknown
  >;
  if (typeof key !== 'string' || key === '') return undefined;
  if (acknowledged !== undefined && typeof acknowledged !== 'boolean') return undefined;
  return {
    ciphertextKey: Buffer.from(key, 'base64'),
    challengeAcknowledged: acknowledged === true,
  };
}

function refusal(reason: string): HandshakeResponse {
  return { ok: false, reason };
}

function jsonPayload(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function parseObject(payload: Buffer): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
