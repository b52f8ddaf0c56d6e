import { createHash, createHmac } from 'node:crypto';
import type { AwsCredentialIdentity } from '@smithy/types';

export interface RequestToSign {
  /** As AWS signs for it: `ssm`. */
  service: string;
  region: string;
  credentials: AwsCredentialIdentity;
  method: 'GET' | 'POST';
  url: URL;
  /** Beyond `host`, to be signed; names in lower case. */
  headers?: Readonly<Record<string, string>>;
  body?: string;
  date: Date;
}

/**
 * The headers of a request, signed with Signature Version 4 (AWS, "Create a signed AWS API request"):
 * `host`, those given, and what the signature adds. Every `ssh` signs twice; the SDK's signer takes
 * longer to load than all of this to run. Checked against AWS's test suite and that signer
 * (test/unit/aws/sign-request.test.ts).
 */
export function signedHeaders(request: RequestToSign): Record<string, string> {
  const { service, region, credentials, method, url, body = '', date } = request;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const timestamp = date.toISOString().replace(/[-:]|\.\d+/g, '');
  const headers: Record<string, string> = {
    host: url.host,
    ...request.headers,
    'x-amz-date': timestamp,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const canonicalRequest = [
    method,
    canonicalPath(url.pathname),
    canonicalQuery(url.searchParams),
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    names.join(';'),
    sha256(body),
  ].join('\n');
  const day = timestamp.slice(0, 8);
  const scope = [day, region, service, 'aws4_request'];
  const stringToSign = [ALGORITHM, timestamp, scope.join('/'), sha256(canonicalRequest)].join('\n');
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  headers['authorization'] =
    `${ALGORITHM} Credential=${accessKeyId}/${scope.join('/')}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${hmac(key, stringToSign).toString('hex')}`;
  return headers;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** Every service but S3 encodes the encoded path once more. */
function canonicalPath(path: string): string {
  // A URL has no `.` and `..` left; of slashes in a row one counts.
  return path
    .replace(/\/{2,}/g, '/')
    .split('/')
    .map(encoded)
    .join('/');
}

function canonicalQuery(parameters: URLSearchParams): string {
  // By name, then by value: the separator here sorts before all that is left unencoded.
  return [...parameters]
    .map(([name, value]) => `${encoded(name)} ${encoded(value)}`)
    .sort()
    .join('&')
    .replaceAll(' ', '=');
}

/** All but RFC 3986's unreserved characters. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
