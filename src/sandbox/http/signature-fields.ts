import { header, splitTarget } from './message.ts';
import type { RawRequest } from './message.ts';
import { ALGORITHM } from './sigv4.ts';
import type { CredentialScope } from './sigv4.ts';

/** What a signed request says about its signature, in its headers or in its query. */
export interface SignatureFields {
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `YYYYMMDD'T'HHMMSS'Z'`. */
  readonly timestamp: string;
  readonly timestampMs: number;
  readonly sessionToken: string | undefined;
  /** Presigned only: for how long from the timestamp on. */
  readonly expiresS: number | undefined;
}

export type ParsedSignature =
  | { readonly state: 'signed'; readonly fields: SignatureFields }
  | { readonly state: 'absent' }
  | { readonly state: 'incomplete'; readonly detail: string };

/** A presigned request lives at most seven days. */
const MAX_EXPIRES_S = 604_800;

/** Reads the signature fields; the header form wins where both are present. */
export function parseSignature(request: RawRequest): ParsedSignature {
  const authorization = header(request, 'authorization');
  if (authorization !== undefined) return parseHeaderForm(request, authorization);
  const query = new Map(splitTarget(request.target).query);
  return query.has('X-Amz-Algorithm') ? parseQueryForm(query) : { state: 'absent' };
}

function parseHeaderForm(request: RawRequest, authorization: string): ParsedSignature {
  const [algorithm, ...rest] = authorization.trim().split(' ');
  if (algorithm !== ALGORITHM) {
    return incomplete(`Unsupported AWS 'algorithm': '${algorithm ?? ''}'.`);
  }
  const parts = new Map(
    rest
      .join(' ')
      .split(',')
      .map((part) => {
        const mark = part.indexOf('=');
        return [part.slice(0, mark).trim(), part.slice(mark + 1).trim()] as const;
      }),
  );
  return assemble({
    form: 'Authorization header',
    credential: parts.get('Credential'),
    signedHeaders: parts.get('SignedHeaders'),
    signature: parts.get('Signature'),
    timestamp: header(request, 'x-amz-date') ?? basicTimestamp(header(request, 'date')),
    sessionToken: header(request, 'x-amz-security-token'),
    expires: undefined,
  });
}

function parseQueryForm(query: ReadonlyMap<string, string>): ParsedSignature {
  const algorithm = query.get('X-Amz-Algorithm');
  if (algorithm !== ALGORITHM) {
    return incomplete(`Unsupported AWS 'algorithm': '${algorithm ?? ''}'.`);
  }
  const expires = query.get('X-Amz-Expires');
  if (expires === undefined) {
    return incomplete("AWS query-string parameters must include 'X-Amz-Expires'.");
  }
  return assemble({
    form: 'AWS query-string parameters',
    credential: query.get('X-Amz-Credential'),
    signedHeaders: query.get('X-Amz-SignedHeaders'),
    signature: query.get('X-Amz-Signature'),
    timestamp: query.get('X-Amz-Date'),
    sessionToken: query.get('X-Amz-Security-Token'),
    expires,
  });
}

interface RawFields {
  form: string;
  credential: string | undefined;
  signedHeaders: string | undefined;
  signature: string | undefined;
  timestamp: string | undefined;
  sessionToken: string | undefined;
  expires: string | undefined;
}

function assemble(raw: RawFields): ParsedSignature {
  const { credential, signedHeaders, signature, timestamp } = raw;
  if (!credential) return incomplete(`${raw.form} requires 'Credential' parameter.`);
  if (!signature) return incomplete(`${raw.form} requires 'Signature' parameter.`);
  if (!signedHeaders) return incomplete(`${raw.form} requires 'SignedHeaders' parameter.`);
  if (!timestamp) {
    return incomplete(
      `${raw.form} requires existence of either a 'X-Amz-Date' or a 'Date' header.`,
    );
  }
  const [accessKeyId = '', date = '', region = '', service = '', terminal, ...more] =
    credential.split('/');
  if (terminal !== 'aws4_request' || more.length > 0 || accessKeyId === '') {
    return incomplete('Credential must have exactly 5 slash-delimited elements.');
  }
  const timestampMs = parseTimestamp(timestamp);
  if (timestampMs === undefined) {
    return incomplete("Date must be in ISO-8601 'basic format'.");
  }
  if (!timestamp.startsWith(date)) {
    return incomplete('Date in Credential scope does not match YYYYMMDD from ISO-8601 version.');
  }
  const expiresS = raw.expires === undefined ? undefined : Number(raw.expires);
  if (
    expiresS !== undefined &&
    !(Number.isInteger(expiresS) && expiresS >= 0 && expiresS <= MAX_EXPIRES_S)
  ) {
    return incomplete("'X-Amz-Expires' must be a number of seconds up to 604800.");
  }
  const fields: SignatureFields = {
    accessKeyId,
    scope: { date, region, service },
    signedHeaders: signedHeaders.split(';'),
    signature,
    timestamp,
    timestampMs,
    sessionToken: raw.sessionToken,
    expiresS,
  };
  return { state: 'signed', fields };
}

function incomplete(detail: string): ParsedSignature {
  return { state: 'incomplete', detail };
}

function parseTimestamp(timestamp: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match.map(Number);
  const ms = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second);
  return formatTimestamp(ms) === timestamp ? ms : undefined;
}

/** `YYYYMMDD'T'HHMMSS'Z'`. */
export function formatTimestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function basicTimestamp(date: string | undefined): string | undefined {
  if (date === undefined) return undefined;
  const ms = Date.parse(date);
  return Number.isNaN(ms) ? date : formatTimestamp(ms);
}
