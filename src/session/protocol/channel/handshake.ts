/** The JSON of the handshake (docs/protocol.md §5), read with a limit and checked by hand. */

/** What the agent asks the client to do. */
export type ClientAction =
  | { kind: 'session-type'; sessionType: string; properties: Record<string, unknown> }
  | { kind: 'kms-encryption'; keyId: string; randomChallenge: string | undefined }
  | { kind: 'unknown'; actionType: string };

export interface HandshakeRequest {
  agentVersion: string;
  actions: ClientAction[];
}

export const ACTION_STATUS = { ok: 1, failed: 2, unsupported: 3 } as const;

export interface ProcessedAction {
  ActionType: string;
  ActionStatus: (typeof ACTION_STATUS)[keyof typeof ACTION_STATUS];
  ActionResult: unknown;
  Error: string;
}

const MAX_JSON_BYTES = 64 * 1024;
const MAX_ACTIONS = 16;
const MAX_TEXT = 4096;

/** Parses JSON from a peer: an object of at most 64 KiB, or undefined. */
export function parsePeerObject(payload: Buffer): Record<string, unknown> | undefined {
  if (payload.length > MAX_JSON_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text field of a peer's object, cut at 4096 characters; empty when it is missing. */
export function textField(object: Record<string, unknown>, name: string): string {
  const value = object[name];
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : '';
}

/** Reads a HandshakeRequest payload; undefined when it is not one. */
export function parseHandshakeRequest(payload: Buffer): HandshakeRequest | undefined {
  const request = parsePeerObject(payload);
  if (request === undefined) return undefined;
  const requested = request['RequestedClientActions'] ?? [];
  if (!Array.isArray(requested) || requested.length > MAX_ACTIONS) return undefined;
  const actions: ClientAction[] = [];
  for (const item of requested as unknown[]) {
    if (!isObject(item)) return undefined;
    const action = parseAction(item);
    if (action === undefined) return undefined;
    actions.push(action);
  }
  return { agentVersion: textField(request, 'AgentVersion'), actions };
}

function parseAction(item: Record<string, unknown>): ClientAction | undefined {
  const actionType = textField(item, 'ActionType');
  const parameters = isObject(item['ActionParameters']) ? item['ActionParameters'] : undefined;
  switch (actionType) {
    case 'SessionType': {
      if (parameters === undefined) return undefined;
      const properties = isObject(parameters['Properties']) ? parameters['Properties'] : {};
      return {
        kind: 'session-type',
        sessionType: textField(parameters, 'SessionType'),
        properties,
      };
    }
    case 'KMSEncryption': {
      if (parameters === undefined) return undefined;
      const challenge = textField(parameters, 'Challenge');
      return {
        kind: 'kms-encryption',
        keyId: textField(parameters, 'KMSKeyId'),
        randomChallenge: challenge === '' ? undefined : challenge,
      };
    }
    default:
      return { kind: 'unknown', actionType };
  }
}

/** The payload of the HandshakeResponse; field order as the recorded client writes it. */
export function handshakeResponse(clientVersion: string, processed: ProcessedAction[]): Buffer {
  const errors = processed.map((action) => action.Error).filter((error) => error !== '');
  return Buffer.from(
    JSON.stringify({
      ClientVersion: clientVersion,
      ProcessedClientActions: processed,
      Errors: errors.length === 0 ? null : errors,
    }),
  );
}

/**
 * The text frame that opens a data channel, sent at once after the WebSocket upgrade
 * (docs/protocol.md §1.3).
 */
export function openDataChannelRequest(request: {
  requestId: string;
  tokenValue: string;
  clientId: string;
  clientVersion: string;
}): string {
  return JSON.stringify({
    MessageSchemaVersion: '1.0',
    RequestId: request.requestId,
    TokenValue: request.tokenValue,
    ClientId: request.clientId,
    ClientVersion: request.clientVersion,
  });
}
