import { createHash, createHmac } from 'node:crypto';
import { splitTarget } from './message.ts';
import type { RawRequest } from './message.ts';

// The computations of Signature Version 4, from AWS's "Create a signed AWS API request":
//
//   canonical request = method \n path \n query \n headers \n\n signed header names \n payload hash
//   string to sign    = AWS4-HMAC-SHA256 \n timestamp \n scope \n hash of the canonical request
//   signing key       = HMAC chain over date, region, service, "aws4_request"

export const ALGORITHM = 'AWS4-HMAC-SHA256';

/** `<date>/<region>/<service>/aws4_request`, the scope a signature is good for. */
export interface CredentialScope {
  /** YYYYMMDD. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** RFC 3986: everything but the unreserved characters is escaped, as upper-case hex. */
function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Every service but S3 encodes the already encoded path once more. */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(uriEncode(segment));
  }
  const slash = segments.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${segments.join('/')}${slash}`;
}

function canonicalQuery(query: readonly (readonly [string, string])[]): string {
  return query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The canonical request over exactly the named headers. */
export function canonicalRequest(
  request: RawRequest,
  signedHeaders: readonly string[],
  payloadHash: string,
): string {
  const { path, query } = splitTarget(request.target);
  const lines = signedHeaders.map((name) => {
    const values = request.headers.get(name) ?? [];
    return `${name}:${values.map((value) => value.trim().replace(/ +/g, ' ')).join(',')}\n`;
  });
  return [
    request.method,
    canonicalPath(path),
    canonicalQuery(query),
    lines.join(''),
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n');
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** `timestamp` is the request's `YYYYMMDD'T'HHMMSS'Z'`. */
export function stringToSign(
  timestamp: string,
  { date, region, service }: CredentialScope,
  canonical: string,
): string {
  const scope = `${date}/${region}/${service}/aws4_request`;
  return [ALGORITHM, timestamp, scope, sha256Hex(canonical)].join('\n');
}

/** The signature, in lower-case hex. */
export function signatureOf(secretAccessKey: string, scope: CredentialScope, text: string): string {
  const hmac = (key: string | Buffer, data: string): Buffer =>
    createHmac('sha256', key).update(data).digest();
  const dateKey = hmac(`AWS4${secretAccessKey}`, scope.date);
  const serviceKey = hmac(hmac(dateKey, scope.region), scope.service);
  return hmac(hmac(serviceKey, 'aws4_request'), text).toString('hex');
}
