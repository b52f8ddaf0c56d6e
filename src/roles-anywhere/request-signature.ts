/**
 * Signs a CreateSession request: Signature Version 4 with an X.509 certificate in the place of an
 * access key (AWS, "Authentication in IAM Roles Anywhere: the signing process"). The moment is in the
 * headers.
 */
import { createHash } from 'node:crypto';
import type { Signer } from './signer.ts';

const SERVICE = 'rolesanywhere';
/** Whatever the path of an endpoint: what is in front of the service takes its own away. */
const PATH = '/sessions';
/** Sent and not signed, as by all AWS clients: what is on the way may change them. */
const UNSIGNED = new Set(['authorization', 'user-agent', 'x-amzn-trace-id', 'content-length']);

export interface UnsignedRequest {
  readonly query: Readonly<Record<string, string>>;
  /** With `host`, `x-amz-date` and `x-amz-x509`; names in any case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SigningIdentity {
  /** Of the certificate. */
  readonly serialNumber: bigint;
  readonly signer: Signer;
}

/** Everything that a signature is made of, for those who look for a difference. */
export interface RequestSignature {
  readonly canonicalRequest: string;
  readonly stringToSign: string;
  readonly authorization: string;
}

/** @param region whose service is asked. @throws what the signer throws */
export async function signRequest(
  request: UnsignedRequest,
  { serialNumber, signer }: SigningIdentity,
  region: string,
): Promise<RequestSignature> {
  const { names, lines, date } = canonicalHeaders(request.headers);
  const canonicalRequest = [
    'POST',
    PATH,
    canonicalQuery(request.query),
    ...lines,
    '',
    names,
    sha256(request.body),
  ].join('\n');
  const algorithm = signingAlgorithm(signer);
  const scope = `${date.slice(0, 8)}/${region}/${SERVICE}/aws4_request`;
  const stringToSign = [algorithm, date, scope, sha256(canonicalRequest)].join('\n');
  const signature = await signer.sign('SHA256', Buffer.from(stringToSign));
  return {
    canonicalRequest,
    stringToSign,
    authorization: `${algorithm} Credential=${serialNumber}/${scope}, SignedHeaders=${names}, Signature=${signature.toString('hex')}`,
  };
}

/** Always with SHA-256, whatever the certificate itself was signed with. */
function signingAlgorithm({ publicKey }: Signer): string {
  return publicKey.asymmetricKeyType === 'rsa' ? 'AWS4-X509-RSA-SHA256' : 'AWS4-X509-ECDSA-SHA256';
}

/** The query as it is signed and as it is sent. */
export function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function canonicalHeaders(headers: Readonly<Record<string, string>>): {
  names: string;
  lines: string[];
  date: string;
} {
  const signed = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/ {2,}/g, ' ')] as const)
    .filter(([name]) => !UNSIGNED.has(name))
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return {
    names: signed.map(([name]) => name).join(';'),
    lines: signed.map(([name, value]) => `${name}:${value}`),
    date: signed.find(([name]) => name === 'x-amz-date')?.[1] ?? '',
  };
}

/** RFC 3986: all but the unreserved characters as upper-case hex. */
function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
