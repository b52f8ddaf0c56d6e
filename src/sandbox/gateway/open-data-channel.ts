/** What the first text frame of a data channel says (docs/protocol.md §1). */
export interface OpenDataChannel {
  tokenValue: string;
  clientId: string;
  clientVersion: string;
}

const PATH = /^\/v1\/data-channel\/([A-Za-z0-9_.@-]{1,96})$/;

export type DataChannelUrl =
  | { ok: true; sessionId: string }
  /** `foreign`: not a data channel's path at all, so perhaps another listener's. */
  | { ok: false; foreign: boolean; status: 400 | 404; reason: string };

/** Reads the session id from an upgrade request's URL. */
export function parseDataChannelUrl(requestUrl: string | undefined): DataChannelUrl {
  let url: URL;
  try {
    url = new URL(requestUrl ?? '', 'http://localhost');
  } catch {
    return { ok: false, foreign: false, status: 400, reason: 'malformed URL' };
  }
  if (!url.pathname.startsWith('/v1/data-channel/')) {
    return { ok: false, foreign: true, status: 404, reason: 'no such path' };
  }
  const sessionId = PATH.exec(url.pathname)?.[1];
  if (sessionId === undefined) {
    return { ok: false, foreign: false, status: 404, reason: 'no such data channel' };
  }
  if (url.searchParams.get('role') !== 'publish_subscribe') {
    return { ok: false, foreign: false, status: 400, reason: 'role must be publish_subscribe' };
  }
  return { ok: true, sessionId };
}

/** The OpenDataChannel request, or undefined when the text is anything else. */
export function parseOpenDataChannel(text: string): OpenDataChannel | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { MessageSchemaVersion, RequestId, TokenValue, ClientId, ClientVersion } = value as Record<
    string,
    unknown
  >;
  if (MessageSchemaVersion !== '1.0' || !isFilled(RequestId)) return undefined;
  if (!isFilled(TokenValue) || !isFilled(ClientId) || !isFilled(ClientVersion)) return undefined;
  return { tokenValue: TokenValue, clientId: ClientId, clientVersion: ClientVersion };
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
