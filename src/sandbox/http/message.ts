/** A request with its bytes as they came over the wire: signatures cover them exactly. */
export interface RawRequest {
  readonly method: string;
  /** Path and query, still encoded, as in the request line. */
  readonly target: string;
  /** Lower-case name → every value in order of appearance. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
  /** IP address of the client. */
  readonly remoteAddress?: string | undefined;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Collects node's flat `rawHeaders` list (name, value, name, value, …). */
export function collectHeaders(rawHeaders: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const values = headers.get(name) ?? [];
    values.push(rawHeaders[at + 1] ?? '');
    headers.set(name, values);
  }
  return headers;
}

/** The header's first value. */
export function header(request: Pick<RawRequest, 'headers'>, name: string): string | undefined {
  return request.headers.get(name)?.[0];
}

/** Splits a request target into its path and the query's `name`, `value` pairs, decoded. */
export function splitTarget(target: string): { path: string; query: [string, string][] } {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  return { path, query: mark === -1 ? [] : parsePairs(target.slice(mark + 1)) };
}

/** `a=1&b=2` as decoded pairs in their order; bad percent-encoding is taken literally. */
export function parsePairs(text: string): [string, string][] {
  return text
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const mark = part.indexOf('=');
      if (mark === -1) return [decode(part), ''];
      return [decode(part.slice(0, mark)), decode(part.slice(mark + 1))];
    });
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
